/** The dashboard's page. */

import { render } from 'preact';
import { App } from './app.tsx';
import { connect } from './store.ts';
import 'uplot/dist/uPlot.min.css';
import './style.css';

const root = document.getElementById('app');
if (root !== null) {
  render(<App />, root);
  connect();
}
