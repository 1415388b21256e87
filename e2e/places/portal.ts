import type { Locator, Page } from '@playwright/test';

/** What stands around every page of the portal. */
export class Portal {
  readonly title: Locator;
  readonly sidebar: Locator;
  readonly bottomBar: Locator;
  readonly theme: Locator;

  constructor(readonly page: Page) {
    this.title = page.getByRole('heading', { level: 1 });
    this.sidebar = page.getByRole('navigation', { name: 'Main' });
    this.bottomBar = page.getByRole('navigation', { name: 'Mobile' });
    this.theme = page.getByRole('banner').getByRole('button', { name: 'Dark theme' });
  }

  /** Follows a link of the sidebar, or on a phone one of the bar at the bottom. */
  async goTo(name: string): Promise<void> {
    await this.title.first().waitFor();
    if (await this.bottomBar.isVisible()) {
      const link = this.bottomBar.getByRole('link', { name: name.replace('Data ', '') });
      if (await link.count()) return link.click();
      await this.bottomBar.getByRole('button', { name: 'More' }).click();
      return this.page.getByRole('dialog', { name: 'More' }).getByRole('link', { name }).click();
    }
    await this.sidebar.getByRole('link', { name }).click();
  }

  /** Follows a tab of the migration pages. */
  async openTab(name: string): Promise<void> {
    await this.page
      .getByRole('navigation', { name: 'Data Migration' })
      .getByRole('link', { name })
      .click();
  }

  async signOut(): Promise<void> {
    await this.page
      .getByRole('complementary', { name: 'Sidebar' })
      .getByRole('button', { name: 'Sign Out' })
      .click();
  }
}
