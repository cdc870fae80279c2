/** values.schema.json. */

import type { GoMap } from '../go/values.ts';
import type { WorkChart } from './work-chart.ts';

export function validateSchemas(_chart: WorkChart, _values: GoMap): void {}
