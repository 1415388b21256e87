import { expect, type Locator, type Page } from '@playwright/test';

/** The page of one run. */
export class Run {
  readonly heading: Locator;
  readonly state: Locator;
  readonly progress: Locator;
  readonly books: Locator;
  readonly pause: Locator;
  readonly resume: Locator;
  readonly quarantine: Locator;

  constructor(readonly page: Page) {
    this.heading = page.getByRole('heading', { level: 2, name: /^Run of/ });
    this.state = page.getByRole('status', { name: 'State of the run' });
    this.progress = page.getByRole('progressbar', { name: 'The whole run' });
    this.books = page.getByRole('region', { name: 'Books', exact: true });
    this.pause = page.getByRole('button', { name: 'Pause' });
    this.resume = page.getByRole('button', { name: 'Resume' });
    this.quarantine = page.getByRole('link', { name: /^Quarantine/ });
  }

  async completes(): Promise<void> {
    await expect(this.state).toHaveText('Completed', { timeout: 120_000 });
  }

  /** The numbers of a row of the books: read, loaded, merged, filtered, quarantined. */
  async numbers(row: Locator): Promise<number[]> {
    const cells = await row.getByRole('cell').allTextContents();
    return cells.slice(1, 6).map((text) => Number(text.replace(/\D/g, '')));
  }

  async total(): Promise<number[]> {
    return this.numbers(this.books.getByRole('row', { name: /^All tables/ }));
  }

  async rowsOfTables(): Promise<Locator[]> {
    return this.books.locator('tbody').getByRole('row').all();
  }
}
