import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from '@playwright/test';
import { Api } from '../fixtures/api.ts';
import { expect, test } from '../fixtures/portal.ts';
import { Landing } from '../places/landing.ts';
import { SignIn } from '../places/sign_in.ts';

const number = (name: string, usual: number) => Number(process.env[name] ?? usual);
const print = (line: string) => process.stdout.write(`${line}\n`);

test('first load', async ({ browser }) => {
  // A server that has just begun compresses quickly at first, and better as soon as it can.
  let bytes = await firstLoad(browser);
  for (let tries = 0; tries < 20; tries += 1) {
    await new Promise((done) => setTimeout(done, 2_000));
    const again = await firstLoad(browser);
    if (again === bytes) break;
    bytes = again;
  }
  print(`first load before sign-in: ${(bytes / 1024).toFixed(1)} KiB compressed (budget 250 KiB)`);
});

test('live updates', async ({ demonstration, page, portal }) => {
  const rate = number('RATE', 1_000);
  const seconds = number('SECONDS_OF_CHANGES', 30);
  await portal.goTo('Data Migration');
  await expect(page.getByRole('heading', { name: 'What needs you' })).toBeVisible();
  await watchNotices(page);
  const program = process.env.CHANGES ?? '';
  const { stdout } = await promisify(execFile)(program, [demonstration.data, `${rate}`, `${seconds}`]);
  const made = new Map(
    stdout
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('bench-'))
      .map((line) => line.split(' '))
      .map(([run, at]) => [run ?? '', Number(at)]),
  );
  const last = [...made.keys()].at(-1) ?? '';
  await expect.poll(async () => last in (await noticesSeen(page)), { timeout: 60_000 }).toBe(true);
  const seen = await noticesSeen(page);
  const waits = [...made].filter(([run]) => run in seen).map(([run, at]) => (seen[run] ?? 0) - at);
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))];
  print(
    `live update at ${rate} changes/s for ${seconds} s: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, ` +
      `max ${waits.at(-1)} ms (budget 500 ms); ${waits.length} of ${made.size} looked at were seen`,
  );
});

test('quarantine that scrolls', async ({ browser, demonstration, page, portal: _, request }) => {
  const rows = number('ROWS', 10_000);
  const folder = mkdtempSync(join(tmpdir(), 'transfuse-bench-'));
  try {
    const run = await quarantineOf(await Api.signIn(request, demonstration), folder, rows);
    await page.goto(`/portal/migration/runs/${run}/quarantine`);
    const list = page.getByRole('region', { name: 'Quarantined rows', exact: true });
    await list.getByRole('button').first().waitFor();
    // All rows are loaded first: what is measured is scrolling.
    await expect
      .poll(() =>
        list.evaluate((list) => {
          list.scrollTop = list.scrollHeight;
          return list.querySelector('li:last-child')?.getAttribute('aria-posinset');
        }),
        { timeout: 120_000, intervals: [50] },
      )
      .toBe(String(rows));
    const height = await list.evaluate((list) => list.scrollHeight);
    // What the machine itself leaves out is seen on a page that has nothing to do.
    const idle = await browser.newPage();
    await idle.setContent(
      `<div role="region" class="virtual-list" style="height: 600px; overflow: auto">
        <div style="height: ${height}px; background: repeating-linear-gradient(#fff, #ccc 64px)"></div>
      </div>`,
    );
    // As fast as a wheel turns, and as fast as the bar is dragged.
    for (const seconds of [60, 10]) {
      await page.bringToFront();
      await list.evaluate((list) => { list.scrollTop = 0; });
      await page.waitForTimeout(500);
      print(`${rows} quarantined rows scrolled in ${seconds} s: ${await framesOfScrolling(browser, page, seconds)}`);
      await idle.bringToFront();
      print(`a page without rows, scrolled as far: ${await framesOfScrolling(browser, idle, seconds)}`);
    }
    await idle.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Scrolls the list of a page to its end, and says which frames were late or missing. */
async function framesOfScrolling(browser: Browser, page: Page, seconds: number): Promise<string> {
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline.frame'] });
  const gaps = await scrollThrough(page, seconds);
  const { begun, drawn } = framesOf(String(await browser.stopTracing()));
  const late = gaps.filter((gap) => gap > 34).length;
  return (
    `${begun} frames begun, ${begun - drawn} of them not drawn; ${late} of ${gaps.length} came two or ` +
    `more frames after the one before, at most ${Math.max(...gaps).toFixed(0)} ms`
  );
}

/**
 * How many frames the compositor began, and how many of these it drew. Its own word for a dropped
 * frame also counts those that it drew in another way than it had planned.
 */
function framesOf(trace: string): { begun: number; drawn: number } {
  type Event = { name: string; args: { frameSeqId?: number; layerTreeId?: number } };
  const { traceEvents } = JSON.parse(trace) as { traceEvents: Event[] };
  const frames = (name: string) => {
    const events = traceEvents.filter((event) => event.name === name);
    return new Set(events.map(({ args }) => `${args.layerTreeId}/${args.frameSeqId}`));
  };
  const [begun, drawn] = [frames('BeginFrame'), frames('DrawFrame')];
  // In the one in which the trace begins nothing has moved yet.
  begun.delete([...begun][0] ?? '');
  return { begun: begun.size, drawn: [...begun].filter((frame) => drawn.has(frame)).length };
}

async function firstLoad(browser: Browser): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const sizes: Promise<number>[] = [];
  page.on('requestfinished', (request) => {
    sizes.push(request.sizes().then((size) => size.responseBodySize));
  });
  await new Landing(page).open();
  await new SignIn(page).open();
  await page.waitForLoadState('networkidle');
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  await context.close();
  return bytes;
}

/** Notes when the notice of each run's completion stands in the page. */
function watchNotices(page: Page): Promise<void> {
  return page.evaluate(() => {
    const seen: Record<string, number> = {};
    Object.assign(window, { seen });
    const look = () => {
      for (const [run] of document.body.innerText.matchAll(/bench-\d+/g)) seen[run] ??= Date.now();
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}

function noticesSeen(page: Page): Promise<Record<string, number>> {
  return page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
}

/** Has a run put so many rows into quarantine, and gives its id. */
async function quarantineOf(api: Api, folder: string, rows: number): Promise<string> {
  const lines = Array.from({ length: rows }, (_, index) => `${index},no day ${index}\n`);
  writeFileSync(join(folder, 'visit.csv'), `id,seen_on\n${lines.join('')}`);
  const connect = (name: string, role: string, url: string) =>
    api.post('/api/v1/connections', { name, role, url });
  await connect('Bench legacy', 'source', `csv:${folder}`);
  await connect('Bench modern', 'target', `sqlite:${join(folder, 'modern.db')}`);
  const plan = await api.post('/api/v1/plans', {
    format: 1,
    name: 'Bench',
    source: 'Bench legacy',
    target: 'Bench modern',
    tables: [
      {
        source: 'visit',
        key: ['id'],
        target: 'visits',
        columns: [
          { target: 'id', source: 'id', type: 'bigint', nullable: false },
          { target: 'seen_on', source: 'seen_on', type: 'date' },
        ],
        create: { primary_key: ['id'] },
      },
    ],
  });
  const { id } = await api.post('/api/v1/runs', { plan_id: plan.id });
  await expect
    .poll(async () => (await api.get(`/api/v1/runs/${id}`)).state, { timeout: 120_000 })
    .toBe('completed');
  return id;
}

/** Scrolls the list to its end, and gives the time from each frame to the next. */
function scrollThrough(page: Page, seconds: number): Promise<number[]> {
  return page.evaluate(
    (milliseconds) =>
      new Promise<number[]>((done) => {
        const list = document.querySelector('[role=region].virtual-list');
        if (!list) throw new Error('there is no list');
        const way = list.scrollHeight - list.clientHeight;
        const gaps: number[] = [];
        const began = performance.now();
        let before = began;
        const frame = (now: number) => {
          gaps.push(now - before);
          before = now;
          const share = Math.min(1, (now - began) / milliseconds);
          list.scrollTop = way * share;
          if (share < 1) requestAnimationFrame(frame);
          else done(gaps.slice(1));
        };
        requestAnimationFrame(frame);
      }),
    seconds * 1_000,
  );
}
