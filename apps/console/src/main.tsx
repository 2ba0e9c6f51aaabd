import '@patternfly/react-core/dist/styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import './console.css';

const root = document.getElementById('root');
if (!root) throw new Error('the page has no place for its content');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
