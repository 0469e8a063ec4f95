// The page's entry: shell, routes, and the first paint.

import './style.css';

import { render } from 'preact';

import { Shell } from './components/shell';

const root = document.getElementById('app');
if (root) render(<Shell />, root);
