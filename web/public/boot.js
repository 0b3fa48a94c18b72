// Sets the colour scheme before the first paint, so that nothing flashes. Runs before everything else.
(function () {
  var chosen = null;
  try { chosen = localStorage.getItem('fettle-scheme'); } catch (error) { /* storage is off: follow the system */ }
  if (chosen !== 'dark' && chosen !== 'light') chosen = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.setAttribute('data-mantine-color-scheme', chosen);
})();
