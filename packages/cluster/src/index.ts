export * from './apiserver/pod-streams.ts';
