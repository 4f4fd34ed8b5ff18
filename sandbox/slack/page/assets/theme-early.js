// Runs before the first paint, so that a stored choice of theme never flashes the other one.
(() => {
  try {
    const theme = localStorage.getItem("sandbox.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be blocked; the system's preference then decides.
  }
})();
