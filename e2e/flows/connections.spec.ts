import { expect, test } from '../fixtures/portal.ts';
import { Connections } from '../places/connections.ts';

test('the source of the demo is tested step by step', async ({ page, portal: _ }) => {
  const connections = new Connections(page);
  await connections.open();
  await connections.test('Legacy MDW');
  await expect(connections.card('Legacy MDW').getByText('All steps passed')).toBeVisible();
});

test('what is wrong with a connection is told while it is typed', async ({ page, portal: _ }) => {
  const connections = new Connections(page);
  await connections.open();
  await connections.add.click();
  await connections.url.fill('oracle://db/legacy');
  await connections.role.focus();
  await expect(page.getByText('Give the connection a name.')).toBeHidden();
  await expect(page.getByText(/^Start with postgres/)).toBeVisible();

  await connections.url.fill('csv:folder');
  await connections.role.selectOption('target');
  await expect(page.getByText('CSV folder can be read but not written to.')).toBeVisible();

  await connections.save.click();
  await expect(page.getByText('Give the connection a name.')).toBeVisible();
});

test('a password goes in and never comes out', async ({ page, portal: _ }) => {
  const connections = new Connections(page);
  await connections.open();
  await connections.add.click();
  await connections.name.fill('Nobody answers');
  await connections.url.fill('postgres://ida:s3cret@127.0.0.1:1/clinic');
  await connections.save.click();

  const card = connections.card('Nobody answers');
  await expect(card).toContainText('postgres://ida:***@127.0.0.1:1/clinic');
  await connections.test('Nobody answers');
  await expect(card.getByText('The test failed')).toBeVisible();
  await expect(card.getByRole('listitem').filter({ hasText: 'failed' })).toHaveCount(1);
  expect(await page.content()).not.toContain('s3cret');

  await connections.remove('Nobody answers');
  await expect(card).toHaveCount(0);
});
