import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { Quarantine } from '../places/quarantine.ts';
import { Runs } from '../places/runs.ts';

const PLAN = 'MDW demo';

test('the demo migration completes with its books closed', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  await portal.openTab('Runs');
  const run = await new Runs(page).startAfresh(PLAN);
  await run.completes();

  await expect(run.progress).toHaveAttribute('value', '1');
  await expect(run.books.getByText('The books close.')).toBeVisible();
  const [read, loaded, merged, filtered, quarantined] = await run.total();
  expect(read).toBeGreaterThan(0);
  expect(loaded! + merged! + filtered! + quarantined!).toBe(read);
  for (const row of await run.rowsOfTables()) {
    const [read, ...became] = await run.numbers(row);
    expect(became.reduce((sum, rows) => sum + rows, 0), await row.textContent() ?? '').toBe(read);
  }
  await expectAccessible(page);

  const picture = process.env.RUN_SCREENSHOT;
  if (picture) {
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.screenshot({ path: picture });
  }
});

test('a reload shows the same books', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  const run = await new Runs(page).startAfresh(PLAN);
  await run.completes();
  const before = await run.total();

  await page.reload();
  await expect(run.state).toHaveText('Completed');
  expect(await run.total()).toEqual(before);
});

test('the quarantine shows as many rows as the books say, and why', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  const run = await new Runs(page).startAfresh(PLAN);
  await run.completes();
  const quarantined = (await run.total())[4]!;
  expect(quarantined).toBeGreaterThan(0);

  await run.quarantine.click();
  const quarantine = new Quarantine(page);
  const total = quarantined.toLocaleString('en-US');
  await expect(quarantine.causes.getByText(`${total} row`)).toBeVisible();
  await expect(quarantine.shown).toContainText(`of ${total} shown`);

  await quarantine.rows.first().click();
  await expect(quarantine.details.getByText('What to do')).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(quarantine.details).toBeHidden();
});

test('the quarantine is narrowed by cause, and its address says so', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  const run = await new Runs(page).startAfresh(PLAN);
  await run.completes();
  await run.quarantine.click();

  const quarantine = new Quarantine(page);
  const cause = quarantine.causes.locator('tbody').getByRole('row').first();
  await cause.waitFor();
  const [name, table, , rows] = await cause.locator('th, td').allTextContents();
  const code = name!.split(' ')[0]!;
  await cause.getByRole('link').click();

  await expect(quarantine.cause).toHaveValue(code);
  await expect(quarantine.table).toHaveValue(table!);
  await expect(page).toHaveURL(new RegExp(`code=${code}`));
  await expect(quarantine.shown).toContainText(/of [\d,]+ shown/);
  const narrowed = Number((await quarantine.shown.textContent())!.match(/of ([\d,]+)/)![1]!.replace(/,/g, ''));
  expect(narrowed).toBeGreaterThanOrEqual(Number(rows!.replace(/,/g, '')));
  await expect(quarantine.rows.first()).toContainText(code);

  await quarantine.cause.selectOption('');
  await quarantine.table.selectOption('');
  await expect(page).not.toHaveURL(/code=/);
});

test.describe('with a broken line', () => {
  test.use({ expectedProblems: [/ERR_FAILED/] });

  test('the run page says so, and catches up by itself', async ({ page, portal }) => {
    await page.route('**/events', (route) => route.abort());
    await portal.goTo('Data Migration');
    const run = await new Runs(page).startAfresh(PLAN);
    await expect(page.getByText('Connection lost: this may be out of date')).toBeVisible();

    await page.unroute('**/events');
    await run.completes();
    await expect(page.getByText('Connection lost: this may be out of date')).toBeHidden();
  });
});

test('the overview leads to what stayed behind', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  const run = await new Runs(page).startAfresh(PLAN);
  await run.completes();

  await portal.openTab('Overview');
  await page.getByRole('link', { name: 'Open the quarantine' }).click();
  await expect(page.getByRole('heading', { level: 2, name: 'Quarantine' })).toBeVisible();
});

test('Home has the figures of the last run', async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  const run = await new Runs(page).startAfresh(PLAN);
  await run.completes();
  const loaded = (await run.total())[1]!;

  await portal.goTo('Home');
  const figure = page.getByRole('link', { name: /^Rows arrived/ });
  await expect(figure).toContainText(loaded.toLocaleString('en-US'));
});
