/** The gRPC contract, compiled into the bundle, as service definitions of grpc-js. */

import type { ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';
import descriptor from 'virtual:contract';

const root = protobuf.Root.fromJSON(descriptor as protobuf.INamespace);

/** A serialiser pair for one message type. */
export function codec(typeName: string) {
  const type = root.lookupType(typeName);
  return {
    encode: (value: object): Buffer => Buffer.from(type.encode(type.fromObject(value)).finish()),
    decode: (bytes: Uint8Array): unknown =>
      type.toObject(type.decode(bytes), { defaults: true, arrays: true, longs: Number, objects: true }),
  };
}

/** Paths have the form `/hipstershop.CartService/AddItem`. */
export function serviceDefinition(fullName: string): ServiceDefinition {
  const service = root.lookupService(fullName);
  const methods = service.methodsArray.map((method) => {
    method.resolve();
    const request = codec(method.resolvedRequestType?.fullName ?? '');
    const response = codec(method.resolvedResponseType?.fullName ?? '');
    const definition = {
      path: `/${fullName}/${method.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: request.encode,
      requestDeserialize: request.decode,
      responseSerialize: response.encode,
      responseDeserialize: response.decode,
      originalName: method.name,
    };
    return [method.name, definition] as const;
  });
  return Object.fromEntries(methods);
}
