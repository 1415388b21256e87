// Before the first paint, so that no page flashes in the wrong colours; the portal itself
// takes over as soon as it runs.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem('theme');
  } catch {
    // Storage may be forbidden; then the machine's setting decides.
  }
  const system = matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.classList.toggle('dark', choice ? choice === 'dark' || (choice === 'system' && system) : system);
})();
