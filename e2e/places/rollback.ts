import type { Locator, Page } from '@playwright/test';

/** Undoing what a run did. */
export class Rollback {
  readonly scope: Locator;
  readonly look: Locator;
  readonly looked: Locator;
  readonly meant: Locator;
  readonly undo: Locator;
  readonly ask: Locator;
  readonly reason: Locator;

  constructor(readonly page: Page) {
    this.scope = page.getByLabel('How much');
    this.look = page.getByRole('button', { name: 'Look what would be undone' });
    this.looked = page.getByRole('region', { name: /^(The whole run|The table|Chunk)/ });
    this.meant = page.getByLabel('I looked at what goes');
    this.undo = this.looked.getByRole('button', { name: 'Undo it' });
    this.ask = this.looked.getByRole('button', { name: 'Ask for approval' });
    this.reason = this.looked.getByLabel('Why it has to be undone');
  }
}
