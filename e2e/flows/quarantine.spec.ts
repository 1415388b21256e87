import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { Quarantine } from '../places/quarantine.ts';
import { Runs } from '../places/runs.ts';
import type { Page } from '@playwright/test';

// Forms that are sent too early are refused.
test.use({ expectedProblems: [/status of 422/] });

async function quarantineOfARun(page: Page): Promise<Quarantine> {
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();
  await run.quarantine.click();
  const quarantine = new Quarantine(page);
  await quarantine.rows.first().waitFor();
  return quarantine;
}

test('one row is chosen, waived with a reason, and taken back', async ({ page, portal: _ }) => {
  const quarantine = await quarantineOfARun(page);
  await quarantine.picks.first().check();
  await expect(quarantine.work).toContainText('Work on 1 chosen row');

  const dialog = await quarantine.begin('Waive');
  await dialog.getByRole('button', { name: 'Waive' }).click();
  await expect(dialog.getByText('Say why:')).toBeVisible();
  await expectAccessible(page);
  await dialog.getByLabel('Why they stay behind').fill('The ward confirmed that it was a test');
  await dialog.getByRole('button', { name: 'Waive' }).click();

  await expect(quarantine.outcome).toContainText('1 of 1 row signed to stay behind.');
  await expect(quarantine.lastAction).toContainText('The ward confirmed that it was a test');
  await expectAccessible(page);

  await quarantine.outcome.getByRole('button', { name: 'Undo' }).click();
  await expect(quarantine.outcome).toContainText('1 of 1 row stand again where they stood.');
});

test('rows are fixed by a rule that was looked at first, and replayed', async ({ page, portal: _ }) => {
  const quarantine = await quarantineOfARun(page);
  const cause = quarantine.causes.locator('tbody').getByRole('row').filter({ has: page.locator('td:nth-child(3):not(:empty)') }).first();
  await cause.getByRole('link').click();
  await expect(page).toHaveURL(/column=/);

  const fix = await quarantine.begin('Fix');
  await fix.getByLabel('Rule').selectOption('Set to null');
  await expect(fix.getByLabel('Column', { exact: true })).not.toHaveValue('');
  await fix.getByRole('button', { name: 'Look first' }).click();
  await expect(fix.getByText(/^It changes [\d,]+ of [\d,]+ row/)).toBeVisible();
  await expectAccessible(page);
  // However long the page takes to be read anew: what is opened when it says what came of it stays open.
  await page.route('**/quarantine/counts*', async (route) => {
    await new Promise((done) => setTimeout(done, 1_000));
    await route.continue();
  });
  await fix.getByRole('button', { name: 'Fix', exact: true }).click();
  await expect(quarantine.outcome).toContainText('They wait to be replayed.');

  const replay = await quarantine.begin('Replay');
  await replay.getByRole('button', { name: 'Try it' }).click();
  await expect(replay.getByText('If it were done now')).toBeVisible();
  await replay.getByRole('button', { name: 'Replay' }).click();
  await expect(quarantine.outcome).toContainText('are in the target now.');
  await expect(quarantine.lastAction).toBeVisible();
});

test('values are shown only with a reason', async ({ page, portal: _ }) => {
  const quarantine = await quarantineOfARun(page);
  await quarantine.rows.first().click();
  const { details } = quarantine;
  await expect(details.getByRole('region', { name: 'Masked values' })).toBeVisible();
  await details.getByRole('button', { name: 'Show the values' }).click();
  await expect(details.getByText('Say why:')).toBeVisible();
  await details.getByLabel('Why you have to see them').fill('To ask the ward about this record');
  await details.getByRole('button', { name: 'Show the values' }).click();
  await expect(details.getByRole('region', { name: 'Values', exact: true })).toBeVisible();
});

test('the list is kept as a file', async ({ page, portal: _ }) => {
  const quarantine = await quarantineOfARun(page);
  const download = page.waitForEvent('download');
  await quarantine.work.getByRole('button', { name: 'Export CSV' }).click();
  expect((await download).suggestedFilename()).toMatch(/^quarantine-.*\.csv$/);
});

test('everything on the way to a waiver is reached by the keyboard', async ({ page, portal: _ }) => {
  const quarantine = await quarantineOfARun(page);
  await quarantine.picks.first().focus();
  await page.keyboard.press('Space');
  await expect(quarantine.picks.first()).toBeChecked();
  await quarantine.work.getByRole('button', { name: 'Waive' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Sign that rows stay behind' });
  await expect(dialog).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(quarantine.work.getByRole('button', { name: 'Waive' })).toBeFocused();
});
