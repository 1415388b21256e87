import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { Runs } from '../places/runs.ts';

test('a plan is rehearsed, and nothing of it stays', async ({ page, portal: _ }) => {
  test.setTimeout(240_000);
  const runs = new Runs(page);
  await runs.open();
  await runs.choose('MDW demo');
  await page.getByLabel('Begin again').check();
  await page.getByRole('button', { name: 'Rehearse' }).click();

  await expect(page.getByRole('heading', { level: 2, name: 'Rehearsal of MDW demo' })).toBeVisible();
  const state = page.getByRole('status', { name: 'State of the rehearsal' });
  await expect(state).toHaveText('done and taken back', { timeout: 180_000 });
  const sum = page.getByRole('region', { name: 'What the run would come to' });
  await expect(sum).toContainText('The run would complete, and its books would close.');
  await expect(sum).toContainText('It would take about');
  const causes = page.getByRole('region', { name: 'Quarantine', exact: true });
  await expect(causes.getByRole('link').first()).toHaveText(/^[A-Z]+-\d{3}$/);
  await expectAccessible(page);

  await page.getByRole('link', { name: 'Rehearsals' }).click();
  await expect(page.getByRole('link', { name: /^MDW demo, version/ }).first()).toBeVisible();
  await expectAccessible(page);
});
