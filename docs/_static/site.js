// The toggles of the sidebar have an arrow alone: those who hear the page need a name.
document.querySelectorAll("summary:has(> .toctree-toggle)").forEach((summary) => {
  summary.ariaLabel = "Pages of this section";
});
