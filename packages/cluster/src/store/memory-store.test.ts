/** The in-memory store. */

import { describe } from 'vitest';
import { createMemoryStore } from './memory-store.ts';
import { storeCases } from './store.cases.ts';

describe('memory store', () => storeCases(async () => createMemoryStore()));
