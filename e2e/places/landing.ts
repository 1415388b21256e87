import type { Locator, Page } from '@playwright/test';

/** The page of who is not signed in. */
export class Landing {
  readonly heading: Locator;
  readonly login: Locator;

  constructor(readonly page: Page) {
    this.heading = page.getByRole('heading', { level: 1, name: 'Every row accounted for' });
    this.login = page.getByRole('link', { name: 'Login' });
  }

  async open(): Promise<void> {
    await this.page.goto('/');
    await this.heading.waitFor();
  }
}
