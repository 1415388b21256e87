import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { ResetPassword, Settings } from '../places/account.ts';
import { SignIn } from '../places/sign_in.ts';

const NEWCOMER = { name: 'Ida Newcomer', email: 'ida.newcomer@transfuse.example', role: 'viewer' };
const PASSWORD = 'seven quiet otters swim';

test('somebody is added, sets a password by the link, and signs in', async ({ page, browser, portal: _ }) => {
  const settings = new Settings(page);
  await settings.open();
  const link = await settings.addUser(NEWCOMER);
  await expectAccessible(page);
  await expect(settings.users).toContainText('invited');

  const theirs = await (await browser.newContext()).newPage();
  const reset = new ResetPassword(theirs);
  await theirs.goto(link);
  await expectAccessible(theirs);
  await reset.set(link, PASSWORD);
  await theirs.getByRole('link', { name: 'Sign In' }).click();
  await new SignIn(theirs).signIn(NEWCOMER.email, PASSWORD);
  await theirs.getByRole('heading', { name: 'Operations Overview' }).waitFor();

  // A viewer is offered nothing that only administrators may do.
  await theirs.goto('/portal/settings');
  await expect(theirs.getByRole('heading', { name: 'Appearance' })).toBeVisible();
  await expect(theirs.getByRole('heading', { name: 'Users' })).toBeHidden();
  await theirs.goto('/portal/migration/audit');
  await expect(theirs.getByText('The audit trail is not for your role')).toBeVisible();
  await theirs.close();
});

test('a link is good once', async ({ page, browser, portal: _ }) => {
  const settings = new Settings(page);
  await settings.open();
  const link = await settings.addUser({ ...NEWCOMER, name: 'Ann Once', email: 'ann.once@transfuse.example' });
  const theirs = await (await browser.newContext()).newPage();
  await new ResetPassword(theirs).set(link, PASSWORD);
  await theirs.goto('/');
  await theirs.goto(link);
  const reset = new ResetPassword(theirs);
  await reset.password.fill('nine slow herons wait');
  await reset.submit.click();
  await expect(theirs.getByRole('alert')).toContainText('The link was used');
  await theirs.close();
});

test('settings that cannot be are said at their field', async ({ page, portal: _ }) => {
  const settings = new Settings(page);
  await settings.open();
  await page.getByLabel('Idle for so many minutes').fill('soon');
  await settings.save.click();
  await expect(page.getByText('Write a number.')).toBeVisible();
  await expectAccessible(page);
});
