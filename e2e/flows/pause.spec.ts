import { join } from 'node:path';
import { expect, test } from '../fixtures/portal.ts';
import { Connections } from '../places/connections.ts';
import { Plans } from '../places/plans.ts';
import { Runs } from '../places/runs.ts';

/** Chunks of a few rows, one at a time: each is a commit, so that the run lasts a while. */
const SLOWLY = 'options:\n  chunk_rows: 15\n  workers: 1\n';

test('a run into a new database is paused and resumes where it stopped', async ({ demonstration, page, portal: _ }) => {
  test.setTimeout(180_000);
  const connections = new Connections(page);
  await connections.open();
  await connections.add.click();
  await connections.name.fill('Another target');
  await connections.role.selectOption('target');
  await connections.url.fill(`sqlite:${join(demonstration.data, 'paused.db')}`);
  await connections.save.click();
  await expect(connections.card('Another target')).toBeVisible();

  const plans = new Plans(page);
  await plans.draft({ to: 'Another target', template: 'MDW', name: 'Paused' });
  await plans.look('YAML');
  await plans.edit(/^source:/m, `${SLOWLY}source:`);
  await plans.save.click();
  await expect(page.getByText('Saved as version 2.')).toBeVisible();

  const run = await new Runs(page).startAfresh('Paused');
  await expect(run.state).toHaveText('Running');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await expect.poll(async () => (await run.total())[1], { timeout: 60_000 }).toBeGreaterThan(0);
  await run.pause.click();
  await expect(run.state).toHaveText('Paused');
  const paused = await run.total();
  expect(paused[1]).toBeLessThan(paused[0]!);

  await page.reload();
  await expect(run.state).toHaveText('Paused');
  expect(await run.total()).toEqual(paused);

  await run.resume.click();
  await run.completes();
  await expect(run.books.getByText('The books close.')).toBeVisible();
});
