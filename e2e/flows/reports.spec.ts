import { readFileSync } from 'node:fs';
import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { Runs } from '../places/runs.ts';

test('the report of a run is read, printed and downloaded', async ({ page, portal }) => {
  test.setTimeout(180_000);
  await portal.goTo('Data Migration');
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();
  const [read, loaded] = await run.total();

  await portal.goTo('Reports');
  const reports = page.getByRole('region', { name: 'Runs with a report' });
  await expectAccessible(page);
  await reports.getByRole('link', { name: /^MDW demo/ }).first().click();
  await expect(page.getByRole('heading', { level: 2, name: 'Report of MDW demo' })).toBeVisible();
  const books = page.getByRole('region', { name: 'Books', exact: true });
  await expect(books.getByText('The books close.')).toBeVisible();
  const total = books.getByRole('row', { name: /^All tables/ });
  await expect(total).toContainText(read!.toLocaleString('en-US'));
  await expect(total).toContainText(loaded!.toLocaleString('en-US'));
  await expect(page.getByRole('region', { name: /^Audit trail: / })).toContainText('Run completed');
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  const proof = page.getByRole('region', { name: 'Hash and signature' });
  const hash = await proof.getByText(/^[0-9a-f]{64}$/).first().textContent();
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'manifest.json' }).click(),
  ]);
  const manifest = JSON.parse(readFileSync(await file.path(), 'utf8'));
  expect(manifest.hash).toBe(hash);
  for (const name of ['report.html', 'evidence.json', 'tables.csv']) {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name }).click(),
    ]);
    expect(file.suggestedFilename()).toContain(name);
  }

  await page.emulateMedia({ media: 'print' });
  await expect(portal.sidebar).toBeHidden();
  await expect(page.getByRole('button', { name: 'Print' })).toBeHidden();
  await expect(books).toBeVisible();
  await page.emulateMedia({ media: 'screen' });

  await page.reload();
  await expect(proof.getByText(hash!)).toBeVisible();
});
