import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
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

test('two versions are held against each other', async ({ page, portal: _ }) => {
  const plans = new Plans(page);
  await plans.draft({ to: 'Modern', template: 'None', name: 'Compared' });
  await plans.look('Versions');
  await expect(page.getByText(/This is the first version/)).toBeVisible();
  await plans.look('YAML');
  await plans.edit(/^description:.*\n/m, '');
  await plans.edit(/^name: .*$/m, 'name: Compared\ndescription: Held against the first');
  await plans.edit('- source: auth_group\n', '- source: auth_group\n  filter: id > 0\n');
  await plans.save.click();
  await expect(page.getByText('Saved as version 2.')).toBeVisible();

  await plans.look('Versions');
  await expect(page.getByText('2 changes')).toBeVisible();
  const changes = page.getByRole('region', { name: 'Changes' });
  await expect(changes.getByRole('row', { name: /^description changed/ })).toContainText('Held against the first');
  await expect(changes.getByRole('row', { name: /from auth_group › filter changed/ })).toContainText('id > 0');
  const lines = page.getByRole('region', { name: 'Lines that differ' });
  await expect(lines.getByRole('row', { name: /only after.*filter: id > 0/ })).toBeVisible();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
  await page.setViewportSize({ width: 360, height: 720 });
  await expectNoSidewaysScroll(page);

  await page.getByLabel('With version').selectOption('1');
  await expect(page.getByText('They do the same.')).toBeVisible();
});

test('rules are tried on real rows before they are saved, and no value is shown', async ({ page, portal: _ }) => {
  const plans = new Plans(page);
  await plans.openPlan(PLAN);
  await plans.look('YAML');
  await plans.edit(
    /(- source: auth_group\n[^]*? source: name\n[^]*?)- rule: trim\n/,
    '$1- {rule: map, entries: {nobody: somebody}}\n',
  );
  await plans.look('Tables');
  await plans.search.fill('auth_group');
  const mapping = page.getByRole('group').filter({ hasText: 'auth_group' }).first();
  await mapping.locator('summary').click();
  await mapping.getByRole('button', { name: 'Try the rules on real rows' }).click();

  await expect(mapping.getByText(/rows? of the source: \d+ would go to quarantine/)).toBeVisible();
  await expect(mapping.getByRole('link', { name: /^DATA-/ }).first()).toBeVisible();
  const row = mapping.getByRole('region', { name: /^Before and after in/ });
  for (const value of await row.locator('td:nth-child(3) code').allTextContents()) {
    expect(value).not.toMatch(/[a-wyzA-WYZ0-8]/);
  }
  await mapping.getByRole('group', { name: 'Row' }).getByRole('button', { name: 'Row 2' }).click();
  await expect(mapping.getByRole('button', { name: 'Row 2' })).toHaveAttribute('aria-pressed', 'true');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
  await page.setViewportSize({ width: 360, height: 720 });
  await expectNoSidewaysScroll(page);
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
