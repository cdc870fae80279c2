/** The error codes of this package. */

export const imagesErrorCodes = ['IMAGE_POLICY_INVALID', 'IMAGE_EDIT_FAILED', 'IMAGE_FAILED', 'FLAG_UNKNOWN'] as const;
