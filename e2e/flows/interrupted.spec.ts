import { expect, test } from '../fixtures/portal.ts';
import { Installation } from '../fixtures/installation.ts';
import { ResetPassword, Settings } from '../places/account.ts';
import { Portal } from '../places/portal.ts';
import { Run } from '../places/run.ts';
import { Runs } from '../places/runs.ts';
import { SignIn } from '../places/sign_in.ts';

const LOCKED = { name: 'Leo Locked', email: 'leo.locked@transfuse.example', role: 'member' };

test('a run goes on when the browser is closed, and is found again', async ({ browser, demonstration, page, portal: _ }) => {
  await new Runs(page).startAfresh('MDW demo');
  const address = new URL(page.url()).pathname;
  await page.context().close();

  const another = await (await browser.newContext()).newPage();
  await demonstration.signIn(another);
  await new Portal(another).goTo('Data Migration');
  await new Portal(another).openTab('Runs');
  const run = another.locator(`a[href="${address}"]`).first();
  await run.click();
  await new Run(another).completes();
  await expect(new Run(another).books.getByText('The books close.')).toBeVisible();
  await another.context().close();
});

test.describe('when the access token expires in mid-page', () => {
  test.use({ expectedProblems: [/status of 401/] });

  test('another one is fetched, and nobody notices', async ({ page, portal }) => {
    let refused = 0;
    await page.route('**/api/v1/plans*', async (route) => {
      if (refused) return route.fallback();
      refused += 1;
      return route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{}' });
    });
    await portal.goTo('Data Migration');
    await portal.openTab('Plans');
    await expect(page.getByRole('link', { name: 'MDW demo' })).toBeVisible();
    expect(refused).toBe(1);
  });
});

test.describe('with a server of their own', () => {
  test.use({ expectedProblems: [/ERR_CONNECTION_|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY|status of (401|429)/] });

  let installation: Installation;
  test.beforeEach(async () => {
    test.setTimeout(180_000);
    installation = await Installation.start({ scale: '0.001' });
  });
  test.afterEach(() => installation.remove());

  test('an open page says that the server is gone, and goes on when it is back', async ({ page }) => {
    await installation.signIn(page);
    const portal = new Portal(page);
    const lost = page.getByRole('banner').getByText('Connection lost');
    await expect(lost).toBeHidden();

    await installation.kill();
    await expect(lost).toBeVisible({ timeout: 30_000 });
    await installation.begin();
    await expect(lost).toBeHidden({ timeout: 60_000 });

    await portal.goTo('Data Migration');
    await portal.openTab('Plans');
    await expect(page.getByRole('link', { name: 'MDW demo' })).toBeVisible();
  });

  test('who is locked out is let in again by a link', async ({ page, browser }) => {
    await installation.signIn(page);
    await page.goto(`${installation.url}/portal/settings`);
    const settings = new Settings(page);
    const link = await settings.addUser(LOCKED);

    const theirs = await (await browser.newContext()).newPage();
    const reset = new ResetPassword(theirs);
    await reset.set(link, 'seven quiet otters swim');
    await theirs.goto(`${installation.url}/login`);
    const door = new SignIn(theirs);
    for (let tries = 0; tries < 5; tries += 1) {
      await door.signIn(LOCKED.email, 'not-the-password');
      await expect(door.refusal).toContainText('Invalid email or password');
    }
    await door.signIn(LOCKED.email, 'seven quiet otters swim');
    await expect(door.refusal).toContainText('Too many attempts');

    const dialog = await settings.openUser(LOCKED.name);
    await dialog.getByRole('button', { name: 'Make a password link' }).click();
    const again = settings.users.getByRole('status').locator('code');
    await expect(again).not.toHaveText(link);
    await reset.set((await again.textContent())!, 'nine slow herons wait');
    await theirs.goto(`${installation.url}/login`);
    await door.signIn(LOCKED.email, 'nine slow herons wait');
    await theirs.getByRole('heading', { name: 'Operations Overview' }).waitFor();
    await theirs.context().close();
  });
});
