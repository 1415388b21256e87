import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { Assessment } from '../places/assessment.ts';
import { Runs } from '../places/runs.ts';

const PLAN = 'MDW demo';

test('what would stay behind is known before anything moves', async ({ page, portal }) => {
  test.setTimeout(180_000);
  await portal.goTo('Data Migration');
  await portal.openTab('Assessment');
  const assessment = new Assessment(page);
  await assessment.open();
  await assessment.profile.check();
  await assessment.assess(PLAN);

  await expect(assessment.forecast).toContainText('run over every row');
  const foretold = await assessment.foretold();
  const quarantined = foretold.reduce((sum, numbers) => sum + numbers[4]!, 0);
  expect(quarantined).toBeGreaterThan(0);
  await expect(page.getByRole('region', { name: 'What would be quarantined' })).toBeVisible();
  await expect(assessment.warnings.getByText('What to do:').first()).toBeVisible();
  await page.getByRole('region', { name: 'Profile', exact: true }).locator('summary').first().click();
  await expect(page.getByRole('region', { name: /^Profile of/ }).first()).toBeVisible();
  await page.getByRole('region', { name: 'Checks', exact: true }).locator('summary').click();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await page.getByRole('link', { name: 'Assessments', exact: true }).click();
  const history = page.getByRole('region', { name: 'Assessments' });
  await expect(history.locator('tbody').getByRole('row').first()).toContainText(PLAN);
  await expectAccessible(page);

  const run = await new Runs(page).startAfresh(PLAN);
  await run.completes();
  expect((await run.total())[4]).toBe(quarantined);
});

test('only some checks are made, and no row is looked at', async ({ page, portal: _ }) => {
  const assessment = new Assessment(page);
  await assessment.open();
  for (const group of ['Connection', 'Source', 'Target', 'Data']) {
    await page.getByLabel(group, { exact: true }).uncheck();
  }
  await assessment.rows.selectOption('No row: only the checks');
  await assessment.assess(PLAN);

  await expect(assessment.forecast).toBeHidden();
  await page.getByRole('region', { name: 'Checks', exact: true }).locator('summary').click();
  const checks = page.getByRole('region', { name: 'Each check' }).locator('tbody').getByRole('row');
  await expect(checks.first()).toContainText('Governance');
  await page.getByRole('link', { name: 'second-person' }).first().click();
  await expect(page.getByRole('heading', { name: /second-person/ })).toBeVisible();
});

test('a check has to be chosen', async ({ page, portal: _ }) => {
  const assessment = new Assessment(page);
  await assessment.open();
  for (const group of ['Connection', 'Source', 'Target', 'Data', 'Governance']) {
    await page.getByLabel(group, { exact: true }).uncheck();
  }
  await expect(assessment.start).toBeDisabled();
});
