#!/usr/bin/env node
await import('../dist/towpath.js');
