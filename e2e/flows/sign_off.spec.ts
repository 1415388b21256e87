import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { Runs } from '../places/runs.ts';
import { SignOff } from '../places/sign_off.ts';

// A reason that says nothing is refused.
test.use({ expectedProblems: [/status of 422/] });

test('people of a run are drawn, looked at on both sides, judged and signed for', async ({ page, portal: _ }) => {
  test.setTimeout(300_000);
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();

  const signOff = new SignOff(page);
  await signOff.drawFromRun(2);
  await expect(signOff.people.locator('tbody').getByRole('row')).toHaveCount(2);
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await signOff.people.getByRole('button', { name: 'Person 1', exact: true }).press('Enter');
  await signOff.person.getByRole('button', { name: 'Show both sides' }).click();
  await expect(signOff.person.getByText('a reason is one line')).toBeVisible();
  await signOff.person.getByLabel('Why you look at these people').fill('Sign-off of the rehearsal');
  await signOff.person.getByRole('button', { name: 'Show both sides' }).click();
  await expect(signOff.person.getByRole('columnheader', { name: 'Source' }).first()).toBeVisible({ timeout: 60_000 });
  await expect(signOff.person.getByRole('heading', { name: /^public\.patients from/ })).toBeVisible();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await signOff.judge('Accept', 'as on paper');
  await expect(signOff.person).toHaveAccessibleName('Person 2');
  await expect(signOff.why).toBeVisible({ timeout: 60_000 });
  await signOff.judge('Reject', 'an allergy is missing');
  const rows = signOff.people.locator('tbody').getByRole('row');
  await expect(rows.filter({ hasText: 'Accepted' })).toHaveCount(1);
  await expect(rows.filter({ hasText: 'Rejected' })).toHaveCount(1);

  await page.getByRole('button', { name: 'Sign', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign this sample off?' });
  await expect(dialog).toContainText('Of 2 people, 1 were accepted and 1 rejected.');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Sign it' }).click();
  await expect(signOff.state).toHaveText('Signed');
});
