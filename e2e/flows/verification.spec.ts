import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { Runs } from '../places/runs.ts';
import { Verification } from '../places/verification.ts';

// A reason that says nothing is refused.
test.use({ expectedProblems: [/status of 422/] });

test('a run is verified, a damaged row is located, repaired and verified again', async ({ demonstration, page, portal: _ }) => {
  test.setTimeout(300_000);
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();

  const verification = new Verification(page);
  await verification.beginFromRun();
  await verification.endsAs('Equal');
  await expect(verification.tables.locator('tbody').getByRole('row').first()).toContainText('equal');
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  demonstration.changeTarget("update groups set name = 'Somewhere else' where legacy_id = (select min(legacy_id) from groups)");
  await page.goto('/portal/migration/runs');
  await page.getByRole('region', { name: 'Runs', exact: true }).locator('tbody').getByRole('link').first().click();
  await verification.beginFromRun();
  await verification.endsAs('Different');
  const row = verification.mismatches.locator('tbody').getByRole('row').first();
  await expect(row).toContainText('groups');
  await expect(row).toContainText('name');
  await expect(page.getByText('Somewhere else')).toHaveCount(0);
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await row.getByRole('button').click();
  const dialog = page.getByRole('dialog', { name: 'The key of this row' });
  await dialog.getByRole('button', { name: 'Show the key' }).click();
  await expect(dialog.getByText('a reason is one line')).toBeVisible();
  await dialog.getByLabel('Why you have to see it').fill('The ward asks which group it is');
  await dialog.getByRole('button', { name: 'Show the key' }).click();
  await expect(dialog.getByRole('term').first()).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Close' }).click();

  await verification.look.click();
  await expect(verification.looked).toContainText('1 row would be written.', { timeout: 120_000 });
  await expect(verification.repairIt).toBeDisabled();
  await expectAccessible(page);
  await verification.meant.check();
  await verification.repairIt.click();
  await expect(verification.looked).toContainText('1 row was written.', { timeout: 120_000 });
  await expect(row).toContainText('repaired');
  await expect(verification.takeBack).toBeVisible();
  await page.getByRole('link', { name: 'the verification afterwards' }).click();
  await verification.endsAs('Equal');
});
