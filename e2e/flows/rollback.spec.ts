import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { Rollback } from '../places/rollback.ts';
import { Runs } from '../places/runs.ts';

test('a run is undone after somebody looked at what goes', async ({ page, portal: _ }) => {
  test.setTimeout(180_000);
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();
  await page.getByRole('link', { name: 'Roll back' }).click();

  const rollback = new Rollback(page);
  await rollback.look.click();
  await expect(rollback.looked).toContainText('looked at');
  await expect(rollback.looked).toContainText('The run would then be: Rolled back');
  await expect(rollback.undo).toBeDisabled();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await rollback.meant.check();
  await rollback.undo.click();
  await expect(rollback.looked).toContainText('The run is now: Rolled back', { timeout: 120_000 });
  await expect(page.getByText('This run was undone.')).toBeVisible();
});

test('one table is looked at without anything being undone', async ({ page, portal: _ }) => {
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();
  await page.getByRole('link', { name: 'Roll back' }).click();

  const rollback = new Rollback(page);
  await rollback.scope.selectOption('One table');
  await rollback.look.click();
  await expect(rollback.looked.getByRole('heading', { name: /^The table/ })).toBeVisible();
  await page.getByRole('link', { name: 'Run', exact: true }).click();
  await expect(run.state).toHaveText('Completed');
});
