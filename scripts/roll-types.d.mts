export function rollTypes(options: { entry: string; packages?: Readonly<Record<string, string>> }): string;
