import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';

test('the trail says who signed in, is narrowed by its address, and its chain holds', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  await portal.openTab('Audit');
  await expect(page.getByText('The chain holds.')).toBeVisible();

  await page.getByLabel('What', { exact: true }).selectOption('Signed in');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page).toHaveURL(/action=signed_in/);
  const entries = page.getByRole('region', { name: 'Audit entries' }).locator('tbody').getByRole('row');
  await expect(entries.first()).toContainText('demo@transfuse.example');

  await page.reload();
  await expect(page.getByLabel('What', { exact: true })).toHaveValue('signed_in');
  await entries.first().getByRole('button').click();
  const dialog = page.getByRole('dialog', { name: 'An entry of the trail' });
  await expect(dialog.getByText('Hash')).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole('link', { name: 'All of this person' }).click();
  await expect(page).toHaveURL(/actor=/);
});

test('the trail is exported in each of its forms', async ({ page, portal: _ }) => {
  await page.goto('/portal/migration/audit');
  for (const [button, file] of [['CSV', /\.csv$/], ['JSON', /\.jsonl$/], ['FHIR AuditEvent', /json$/]] as const) {
    const download = page.waitForEvent('download');
    await page.getByRole('group', { name: 'Export' }).getByRole('button', { name: button }).click();
    expect((await download).suggestedFilename()).toMatch(file);
  }
});
