import type { Locator, Page } from '@playwright/test';

export class Connections {
  readonly add: Locator;
  readonly name: Locator;
  readonly role: Locator;
  readonly url: Locator;
  readonly save: Locator;

  constructor(readonly page: Page) {
    this.add = page.getByRole('button', { name: 'Add a connection' });
    const dialog = page.getByRole('dialog', { name: 'Add a connection' });
    this.name = dialog.getByLabel('Name');
    this.role = dialog.getByLabel('What it is for');
    this.url = dialog.getByLabel('URL');
    this.save = dialog.getByRole('button', { name: 'Add', exact: true });
  }

  async open(): Promise<void> {
    await this.page.goto('/portal/migration/connections');
    await this.page.getByRole('heading', { level: 2, name: 'Connections' }).waitFor();
  }

  /** The card of a connection. */
  card(name: string): Locator {
    return this.page
      .getByRole('listitem')
      .filter({ has: this.page.getByRole('heading', { name, exact: true }) });
  }

  async test(name: string): Promise<void> {
    await this.card(name).getByRole('button', { name: 'Test' }).click();
  }

  async remove(name: string): Promise<void> {
    await this.page.getByRole('button', { name: `Remove ${name}` }).click();
    await this.page
      .getByRole('dialog', { name: `Remove ${name}?` })
      .getByRole('button', { name: 'Remove', exact: true })
      .click();
  }
}
