import { expect, type Locator, type Page } from '@playwright/test';

/** The searches for people who are there twice. */
export class Duplicates {
  readonly searches: Locator;

  constructor(readonly page: Page) {
    this.searches = page.getByRole('region', { name: 'Searches' }).locator('tbody').getByRole('row');
  }

  async openLatest(): Promise<Review> {
    await this.searches.first().getByRole('link').first().click();
    return new Review(this.page);
  }
}

/** The queue of pairs, and the one that is looked at. */
export class Review {
  readonly place: Locator;
  readonly records: Locator;
  readonly waterfall: Locator;
  readonly undo: Locator;
  readonly keys: Locator;

  constructor(readonly page: Page) {
    this.place = page.getByRole('status', { name: 'Place in the queue' });
    this.records = page.getByRole('region', { name: 'The two records' });
    this.waterfall = page.getByRole('region', { name: 'How the weight comes about' });
    this.undo = page.getByRole('button', { name: 'Undo' });
    this.keys = page.getByRole('dialog', { name: 'Keys' });
  }

  async begin(reason: string): Promise<void> {
    await this.page.getByLabel('Reason').fill(reason);
    await this.page.getByRole('button', { name: 'Begin the review' }).click();
    await expect(this.records).toBeVisible();
  }

  async openPage(name: 'Clusters' | 'Thresholds' | 'Model' | 'Merges'): Promise<void> {
    const ways = this.page.getByRole('navigation', { name: 'Search' });
    await ways.getByRole('link', { name }).click();
    await expect(this.page.getByRole('heading', { level: 2, name })).toBeVisible();
  }
}
