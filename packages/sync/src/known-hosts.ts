/** Host keys of public Git servers; others are given by the chart value ssh.known_hosts. */

export { wellKnownHosts } from '@towpath/git';
