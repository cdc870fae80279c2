export declare const importTable: Record<string, readonly string[]>;
export declare const testImports: readonly string[];
