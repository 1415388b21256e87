import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';

test('a second factor is set up as far as the code', async ({ demonstration, page, portal: _ }) => {
  await page.goto('/portal/profile');
  const card = page.getByRole('region', { name: 'Second factor' });
  await card.getByLabel('Your password').fill(demonstration.password);
  await card.getByRole('button', { name: 'Set it up' }).click();
  await expect(card.getByRole('img', { name: 'The secret as a QR code' })).toBeVisible();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
});

test('a weak password is told before it is sent', async ({ page, portal: _ }) => {
  await page.goto('/portal/profile');
  const card = page.getByRole('region', { name: 'Password', exact: true });
  await card.getByLabel('Another password').fill('password1234');
  await expect(card.getByText('The password is among those that are tried first.')).toBeVisible();
});

test('the sessions name this one', async ({ page, portal: _ }) => {
  await page.goto('/portal/profile');
  const sessions = page.getByRole('region', { name: 'Your sessions' });
  await expect(sessions.getByText('this one')).toHaveCount(1);
  await expectAccessible(page);
});
