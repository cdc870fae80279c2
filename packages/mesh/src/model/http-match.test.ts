import { describe, expect, it } from 'vitest';
import { Fields, type Problem } from './fields.ts';
import { matchesRequest, readHttpMatch, type MatchSite, type RequestView } from './http-match.ts';

const site: MatchSite = {
  gateways: ['mesh'],
  port: 80,
  sourceLabels: { app: 'frontend', version: 'v1' },
  sourceNamespace: 'shop',
};

function request(overrides: Partial<RequestView> & { headers?: Record<string, string> } = {}): RequestView {
  const { headers = {}, ...rest } = overrides;
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'cart',
    path: '/foo/bar?user=ann&empty=',
    header: (name) => headers[name],
    ...rest,
  };
}

function read(match: Record<string, unknown>) {
  const problems: Problem[] = [];
  return { match: readHttpMatch(new Fields(match, { path: 'match', problems }), 'shop'), problems };
}

describe('conditions of a match', () => {
  it.each([
    { name: 'nothing holds always', match: {}, holds: true },
    { name: 'exact uri, without the query', match: { uri: { exact: '/foo/bar' } }, holds: true },
    { name: 'exact uri is the whole path', match: { uri: { exact: '/foo' } }, holds: false },
    { name: 'prefix is plain text, not path elements', match: { uri: { prefix: '/fo' } }, holds: true },
    { name: 'regex matches the whole path', match: { uri: { regex: '/foo/b.*' } }, holds: true },
    { name: 'regex does not match a part', match: { uri: { regex: 'foo' } }, holds: false },
    { name: 'case counts', match: { uri: { prefix: '/FOO' } }, holds: false },
    { name: 'unless ignored', match: { uri: { prefix: '/FOO' }, ignoreUriCase: true }, holds: true },
    { name: 'method', match: { method: { exact: 'POST' } }, holds: false },
    { name: 'authority', match: { authority: { prefix: 'ca' } }, holds: true },
    { name: 'header exact', match: { headers: { 'X-Group': { exact: 'beta' } } }, holds: true },
    { name: 'header regex', match: { headers: { cookie: { regex: '.*canary.*' } } }, holds: true },
    { name: 'header present', match: { headers: { 'x-group': {} } }, holds: true },
    { name: 'header absent', match: { headers: { 'x-other': {} } }, holds: false },
    { name: 'without a present header', match: { withoutHeaders: { 'x-group': {} } }, holds: false },
    { name: 'without another value', match: { withoutHeaders: { 'x-group': { exact: 'alpha' } } }, holds: true },
    { name: 'without: absent counts as empty', match: { withoutHeaders: { 'x-other': { exact: '' } } }, holds: false },
    { name: 'query exact', match: { queryParams: { user: { exact: 'ann' } } }, holds: true },
    { name: 'query present', match: { queryParams: { empty: {} } }, holds: true },
    { name: 'query absent', match: { queryParams: { other: {} } }, holds: false },
    { name: 'port', match: { port: 8080 }, holds: false },
    { name: 'source labels', match: { sourceLabels: { app: 'frontend' } }, holds: true },
    { name: 'other source labels', match: { sourceLabels: { app: 'cart' } }, holds: false },
    { name: 'source namespace', match: { sourceNamespace: 'other' }, holds: false },
    { name: 'gateways', match: { gateways: ['ingress'] }, holds: false },
    { name: 'all conditions are needed', match: { uri: { prefix: '/' }, method: { exact: 'POST' } }, holds: false },
  ])('$name', ({ match, holds }) => {
    const parsed = read(match);
    const view = request({ headers: { 'x-group': 'beta', cookie: 'a=1; canary=always' } });

    expect(parsed.problems).toEqual([]);
    expect(matchesRequest([parsed.match], view, site) !== undefined).toBe(holds);
  });

  it('is one of several alternatives', () => {
    const alternatives = [read({ uri: { exact: '/a' } }).match, read({ uri: { exact: '/b' } }).match];

    expect(matchesRequest(alternatives, request({ path: '/b' }), site)).toBe(alternatives[1]);
    expect(matchesRequest(alternatives, request({ path: '/c' }), site)).toBeUndefined();
  });

  it.each([
    { name: 'an unknown member', match: { statPrefix: 'x' }, field: 'match.statPrefix' },
    { name: 'a pattern that does not compile', match: { uri: { regex: '(' } }, field: 'match.uri.regex' },
    { name: 'two patterns at once', match: { uri: { exact: '/', prefix: '/' } }, field: 'match.uri' },
    { name: 'a wrong type', match: { port: '80' }, field: 'match.port' },
  ])('refuses $name by name, and then never holds', ({ match, field }) => {
    const parsed = read(match);

    expect(parsed.problems.map((problem) => problem.field)).toEqual([field]);
    expect(matchesRequest([parsed.match], request(), site)).toBeUndefined();
  });
});
