import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { ResetPassword, Settings } from '../places/account.ts';
import { Rollback } from '../places/rollback.ts';
import { Runs } from '../places/runs.ts';
import { SignIn } from '../places/sign_in.ts';

const SECOND = { name: 'Ben Second', email: 'ben.second@transfuse.example', role: 'member' };
const PASSWORD = 'seven quiet otters swim';

test('a rollback waits until a second person agrees', async ({ page, browser, portal: _ }) => {
  test.setTimeout(240_000);
  const settings = new Settings(page);
  await settings.open();
  const link = await settings.addUser(SECOND);
  await page.getByLabel('Rollback', { exact: true }).check();
  await settings.save.click();
  await expect(page.getByText('The settings are in force.')).toBeVisible();

  try {
    const run = await new Runs(page).startAfresh('MDW demo');
    await run.completes();
    await page.getByRole('link', { name: 'Roll back' }).click();
    const rollback = new Rollback(page);
    await rollback.look.click();
    await rollback.reason.fill('The rehearsal is over');
    await rollback.ask.click();
    await expect(rollback.looked).toContainText('Nobody has answered yet.');
    await expectAccessible(page);

    const theirs = await (await browser.newContext()).newPage();
    await new ResetPassword(theirs).set(link, PASSWORD);
    await theirs.getByRole('link', { name: 'Sign In' }).click();
    await new SignIn(theirs).signIn(SECOND.email, PASSWORD);
    await theirs.getByRole('heading', { name: 'Operations Overview' }).waitFor();
    await theirs.goto('/portal/migration/approvals');
    const request = theirs.getByRole('list', { name: 'Requests that wait for an answer' }).getByRole('listitem').first();
    await expect(request).toContainText('The rehearsal is over');
    await expectAccessible(theirs);
    await request.getByLabel('Your reason').fill('I looked at it too');
    await request.getByRole('button', { name: 'Approve' }).click();
    await expect(theirs.getByText('You agreed.')).toBeVisible();
    await theirs.close();

    // It appears by itself.
    await expect(rollback.looked).toContainText('Ben Second agreed: I looked at it too');
    await rollback.undo.click();
    await expect(rollback.looked).toContainText('The run is now: Rolled back', { timeout: 120_000 });
  } finally {
    await settings.open();
    await page.getByLabel('Rollback', { exact: true }).uncheck();
    await settings.save.click();
    await expect(page.getByText('The settings are in force.')).toBeVisible();
  }
});
