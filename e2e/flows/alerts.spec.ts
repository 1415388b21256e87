import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { Runs } from '../places/runs.ts';

test('a rule is added, finds a completed run, and the alert is acknowledged', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  await portal.openTab('Alerts');
  await page.getByRole('button', { name: 'Add a rule' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a rule' });
  await dialog.getByLabel('Name').fill('A run came to its end');
  await dialog.getByLabel('When').selectOption('A run completed');
  await dialog.getByLabel('How bad').selectOption('info');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Save the rule' }).click();
  await expect(page.getByRole('button', { name: 'A run came to its end' })).toBeVisible();

  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();
  // Others may come and go by themselves meanwhile.
  const alerts = page
    .getByRole('region', { name: 'Alerts', exact: true })
    .locator('tbody')
    .getByRole('row')
    .filter({ hasText: / completed\./ });
  await expect(async () => {
    await page.goto('/portal/migration/alerts');
    await expect(alerts.first()).toBeVisible({ timeout: 3_000 });
  }).toPass({ timeout: 60_000 });
  await alerts.first().getByRole('button', { name: /^Acknowledge/ }).click();
  await page.getByRole('navigation', { name: 'Alerts by state' }).getByRole('link', { name: 'Seen' }).click();
  await expect(alerts.first()).toContainText('Demo Operator');
  await expectAccessible(page);
});

test('a webhook that nobody answers says so when it is tried', async ({ page, portal: _ }) => {
  await page.goto('/portal/migration/alerts');
  await page.getByRole('button', { name: 'Tell somebody' }).click();
  const dialog = page.getByRole('dialog', { name: 'Tell somebody' });
  await dialog.getByLabel('Name').fill('Duty');
  await dialog.getByLabel('By', { exact: true }).selectOption('Webhook');
  await dialog.getByLabel('Address').fill('https://hooks.transfuse.invalid/duty');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('It is shown this once.')).toBeVisible();
  await page.getByRole('button', { name: 'Send a test to Duty' }).click();
  await expect(page.getByText('The message did not reach Duty')).toBeVisible({ timeout: 30_000 });
});
