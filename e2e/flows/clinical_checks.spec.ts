import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { ClinicalChecks } from '../places/clinical_checks.ts';
import { Runs } from '../places/runs.ts';

// A reason that says nothing is refused.
test.use({ expectedProblems: [/status of 422/] });

test('a run is checked, a threshold is changed and what was counted is judged again', async ({ page, portal: _ }) => {
  test.setTimeout(300_000);
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();

  const checks = new ClinicalChecks(page);
  await checks.makeFromRun();
  await expect(checks.state).toHaveText('Not blocked');
  const price = checks.finding('mdw-order-price');
  await expect(price).toContainText('What to do:');
  await expect(price).toContainText('In the source:');
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await price.getByRole('button', { name: 'Change the threshold' }).press('Enter');
  await checks.percent.fill('100');
  await expect(price).toContainText('Pass with failures');
  await checks.percent.fill('');
  await expect(price.getByText('Fail', { exact: true })).toBeVisible();
  await expect(checks.other).toContainText('mdw-order-price: 10 % so far, 0 now');
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await checks.other.getByRole('button', { name: 'Judge again' }).click();
  await expect(checks.other.getByText('a reason is one line')).toBeVisible();
  await checks.other.getByLabel('Why so much is allowed').fill('Every order was paid for');
  await checks.other.getByRole('button', { name: 'Judge again' }).click();
  await expect(page.getByRole('link', { name: 'as they were counted' })).toBeVisible();
  await expect(checks.other).toHaveCount(0);
  await expect(price.getByText('Fail', { exact: true })).toBeVisible();

  await page.getByRole('link', { name: 'as they were counted' }).click();
  await expect(price).toContainText('Pass with failures');
});
