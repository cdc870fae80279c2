/** What `kubectl explain` says of the members every kind has, in our own words; other members are described nowhere. */

/** Of objects and lists. */
const typeMembers: Readonly<Record<string, string>> = {
  apiVersion: 'APIVersion defines the group and version of the schema that the object is written in.',
  kind: 'Kind is the name of the object’s type.',
};

const objectMeta: Readonly<Record<string, string>> = {
  annotations: 'Annotations are texts that tools keep with the object; nothing is selected by them.',
  creationTimestamp: 'CreationTimestamp is a timestamp of the moment the object was stored first. The server sets it.',
  deletionGracePeriodSeconds: 'Seconds the object has to end after its deletion was asked for. Read-only.',
  deletionTimestamp: 'DeletionTimestamp is the moment at which the object is to be gone. Read-only.',
  finalizers: 'Names of those who must do something before the object may go.',
  generateName: 'The beginning of a name; the server adds the rest when there is no name.',
  generation: 'Counts the changes of what is wanted. Read-only.',
  labels: 'Labels are short texts by which objects are selected.',
  managedFields: 'Who set which fields, for server-side apply.',
  name: 'Name is unique within the namespace and the kind, and cannot be changed.',
  namespace: 'Namespace is the space within which the name is unique.',
  ownerReferences: 'The objects this one belongs to: when all of them are gone, it is collected.',
  resourceVersion: 'A value that changes with each write; clients compare it and do not look inside.',
  uid: 'UID tells the object from any other that ever has the same name. Read-only.',
};

const byType: Readonly<Record<string, Readonly<Record<string, string>>>> = { 'meta.v1.ObjectMeta': objectMeta };

/** The description of a member of a type; `target` is the type of its value. */
export function describeMember(typeName: string, member: string, target: string | undefined): string | undefined {
  if (target === 'meta.v1.ObjectMeta' && member === 'metadata') return "Standard object's metadata.";
  if (target === 'meta.v1.ListMeta' && member === 'metadata') return 'Standard metadata of a list.';
  return byType[typeName]?.[member];
}

/** The description of `apiVersion` and `kind`, where an object has both. */
export function describeTypeMember(member: string): string | undefined {
  return typeMembers[member];
}
