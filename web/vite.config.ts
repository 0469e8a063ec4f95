import { defineConfig } from 'vite';

// Assets are addressed relative to the page, so that a route prefix needs no second build.
export default defineConfig({
  base: './',
  build: { target: 'es2022', sourcemap: false, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 800 },
  server: { proxy: { '/api': 'http://localhost:9090', '/-/': 'http://localhost:9090' } },
});
