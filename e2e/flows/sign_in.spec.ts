import { expect, operator, test } from '../fixtures/portal.ts';
import { Landing } from '../places/landing.ts';
import { Portal } from '../places/portal.ts';
import { SignIn } from '../places/sign_in.ts';

test('the front page leads to the sign-in', async ({ page }) => {
  const landing = new Landing(page);
  await landing.open();
  await landing.login.click();
  await expect(new SignIn(page).heading).toBeVisible();
});

test('what cannot be right is told before it is sent', async ({ page }) => {
  const signIn = new SignIn(page);
  await signIn.open();

  await signIn.submit.click();
  await expect(page.getByText('Email is required')).toBeVisible();
  await expect(page.getByText('Password is required')).toBeVisible();
  await expect(signIn.email).toBeFocused();

  await signIn.signIn('demo', 'short');
  await expect(page.getByText('Please enter a valid email address')).toBeVisible();
  await expect(page.getByText('Password must be at least 6 characters')).toBeVisible();

  await signIn.email.fill('demo@');
  await expect(page.getByText('Please enter a valid email address')).toBeHidden();
});

test.describe('with a wrong password', () => {
  test.use({ expectedProblems: [/status of 401/] });

  test('nobody gets in, nor learns which half was wrong', async ({ page }) => {
    const signIn = new SignIn(page);
    await signIn.open();
    await signIn.signIn(operator.email, 'not-the-password');
    await expect(signIn.refusal).toHaveText(
      'Invalid email or password. Please check your credentials and try again.',
    );
    await expect(page).toHaveURL('/login');
  });
});

test.describe('without a network', () => {
  test.use({ expectedProblems: [/ERR_INTERNET_DISCONNECTED|ERR_FAILED/] });

  test('the sign-in says so', async ({ demonstration, page }) => {
    const signIn = new SignIn(page);
    await signIn.open();
    await page.route('**/api/v1/session', (route) => route.abort('internetdisconnected'));
    await signIn.signIn(operator.email, demonstration.password);
    await expect(signIn.refusal).toHaveText(
      'Network error. Please check your connection and try again.',
    );
  });
});

test('the right password leads home, and a reload stays there', async ({ demonstration, page }) => {
  await demonstration.signIn(page);
  await expect(page).toHaveURL('/portal');
  await expect(page.getByText(`Welcome back, ${operator.name}`)).toBeVisible();

  await page.reload();
  await expect(page.getByText(`Welcome back, ${operator.name}`)).toBeVisible();
  await expect(page).toHaveURL('/portal');
});

test('a deep link survives the sign-in', async ({ demonstration, page }) => {
  await page.goto('/portal/migration/plans?from=mail');
  const place = new SignIn(page);
  await place.heading.waitFor();
  await place.signIn(operator.email, demonstration.password);
  await expect(page.getByRole('heading', { level: 2, name: 'Plans' })).toBeVisible();
  await expect(page).toHaveURL('/portal/migration/plans?from=mail');
});

test('several windows share one session', async ({ page, portal: _ }) => {
  const windows = await Promise.all([1, 2, 3].map(() => page.context().newPage()));
  await Promise.all(windows.map((window) => window.goto('/portal/settings')));
  for (const window of [...windows, page]) {
    await window.reload();
    await expect(window.getByText(`Welcome back, ${operator.name}`)).toBeVisible();
  }
});

test('a link cannot lead to another site after the sign-in', async ({ demonstration, page }) => {
  await page.goto('/login?redirectTo=//evil.example/portal');
  await new SignIn(page).signIn(operator.email, demonstration.password);
  await expect(page).toHaveURL('/portal');
});

test('who is signed in is led past the front page and the sign-in', async ({ demonstration, page }) => {
  await demonstration.signIn(page);
  for (const path of ['/', '/login']) {
    await page.goto(path);
    await expect(page).toHaveURL('/portal');
  }
});

test('an e-mail address is remembered when that is wanted', async ({ demonstration, page }) => {
  const place = new SignIn(page);
  await place.open();
  await place.remember.check();
  await place.signIn(operator.email.toUpperCase(), demonstration.password);
  const portal = new Portal(page);
  await expect(portal.title).toHaveText('Dashboard');

  await portal.signOut();
  await expect(new Landing(page).heading).toBeVisible();
  await place.open();
  await expect(place.email).toHaveValue(operator.email);
  await expect(place.remember).toBeChecked();
});

test.describe('after signing out', () => {
  test('the portal is closed again', async ({ page, portal }) => {
    await portal.signOut();
    await expect(page).toHaveURL('/');
    await expect(new Landing(page).heading).toBeVisible();
    await page.goto('/portal/settings');
    await expect(new SignIn(page).heading).toBeVisible();
  });
});

test.describe('when the session was ended elsewhere', () => {
  test.use({ expectedProblems: [/status of 401/] });

  test('the next step asks to sign in again, and then goes on there', async ({ demonstration, page, portal }) => {
    await page.context().clearCookies();
    await page.route('**/api/v1/connections?*', (route) =>
      route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{}' }),
    );
    await portal.goTo('Data Migration');
    await expect(page.getByText('Your session has expired. Please sign in again.')).toBeVisible();

    await page.unroute('**/api/v1/connections?*');
    await new SignIn(page).signIn(operator.email, demonstration.password);
    await expect(page).toHaveURL('/portal/migration');
    await expect(page.getByRole('heading', { name: 'What needs you' })).toBeVisible();
  });
});
