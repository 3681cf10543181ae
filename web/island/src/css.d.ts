// esbuild bundles what element.jsx imports.
declare module "*.css";
