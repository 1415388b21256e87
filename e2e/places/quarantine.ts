import type { Locator, Page } from '@playwright/test';

/** What a run could not carry over. */
export class Quarantine {
  readonly causes: Locator;
  readonly table: Locator;
  readonly cause: Locator;
  readonly rows: Locator;
  readonly shown: Locator;
  readonly details: Locator;

  constructor(readonly page: Page) {
    this.causes = page.getByRole('region', { name: 'By cause' });
    this.table = page.getByLabel('Table');
    this.cause = page.getByLabel('Cause', { exact: true });
    const list = page.getByRole('region', { name: 'Quarantined rows', exact: true });
    this.rows = list.getByRole('button');
    this.shown = page.getByRole('status').filter({ hasText: 'shown' });
    this.details = page.getByRole('dialog', { name: 'A row in quarantine' });
  }
}
