import { expect, test } from '../fixtures/portal.ts';
import { Plans } from '../places/plans.ts';

const PLAN = 'MDW demo';

test('a plan is read table by table', async ({ page, portal: _ }) => {
  const plans = new Plans(page);
  await plans.openPlan(PLAN);
  await plans.search.fill('patient');
  const mapping = page.getByRole('group').filter({ hasText: 'patients' }).first();
  await mapping.locator('summary').click();
  await expect(mapping.getByRole('region', { name: /^Columns of/ })).toBeVisible();

  await plans.search.fill('no such table');
  await expect(page.getByText('0 tables')).toBeVisible();
});

test('a text that is no plan cannot be saved, and says where it goes wrong', async ({ page, portal: _ }) => {
  const plans = new Plans(page);
  await plans.openPlan(PLAN);
  await plans.look('YAML');
  await expect(plans.save).toBeDisabled();

  await plans.edit(/^name:/m, 'nmae:');
  await expect(page.getByText(/nmae/).last()).toBeVisible();
  await expect(plans.save).toBeDisabled();

  await page.getByRole('button', { name: 'Discard changes' }).click();
  await expect(plans.yaml).not.toHaveAttribute('aria-invalid');
  await expect(plans.yaml).toHaveValue(/^name: /m);
});

// Of a plan of its own: the runs of an older version are not begun again by those of a newer one.
test('a changed plan is saved as the next version', async ({ page, portal: _ }) => {
  const plans = new Plans(page);
  await plans.draft({ to: 'Modern', template: 'MDW', name: 'Versions' });
  const version = page.getByRole('definition').filter({ hasText: /^\d+, [0-9a-f]+/ });
  await expect(version).toContainText('1, ');
  await plans.look('YAML');
  await plans.edit(/^description:.*\n/m, '');
  await plans.edit(/^name:.*$/m, 'name: Versions\ndescription: Read by two people');
  await plans.save.click();

  await expect(page.getByText('Saved as version 2.')).toBeVisible();
  await expect(version).toContainText('2, ');
  await expect(page.getByText('Read by two people', { exact: true })).toBeVisible();
});

test('a table that is not there is found before anything runs', async ({ page, portal: _ }) => {
  const plans = new Plans(page);
  await plans.openPlan(PLAN);
  await plans.look('YAML');
  await plans.edit('- source: auth_group\n', '- source: auth_gruop\n');
  await page.getByRole('button', { name: 'Check against the databases' }).click();
  await expect(page.getByText(/MAP-002.*auth_gruop/)).toBeVisible();
});

test('a plan is drafted from two connections', async ({ page, portal: _ }) => {
  const plans = new Plans(page);
  await plans.draft({ to: 'Modern', template: 'None', name: 'By names and types' });
  await expect(page.getByText(/^Drafted By names and types/)).toBeVisible();
});
