// Sets the theme before the first paint. A file of its own, because the page's policy allows no inline script.
(function () {
  var theme = 'auto';
  try {
    theme = localStorage.getItem('mangru.theme') || 'auto';
  } catch (e) {
    // Storage may be denied; the system's theme is used then.
  }
  if (theme === 'auto') {
    theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }
  document.documentElement.dataset.theme = theme;
})();
