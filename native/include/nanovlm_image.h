/* Decoding and encoding pictures: the C ABI of libnanovlm_image.
 *
 * Every call returns a status and, unless that is NVLM_IMAGE_OK, leaves one line of text in message
 * (always terminated, cut to message_size). No C++ type or exception crosses this boundary; no call
 * keeps a pointer after it returns; all calls may run on any thread at once.
 *
 * Pixels are 8-bit RGB, rows from the top, no padding between rows.
 */
#ifndef NANOVLM_IMAGE_H
#define NANOVLM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NVLM_IMAGE_API __attribute__((visibility("default")))

/* Pillow's limit for refusing "decompression bombs"; at 3 bytes a pixel it just fits below 2^29 bytes. */
#define NVLM_IMAGE_MAX_PIXELS 178956970

enum nvlm_image_status {
    NVLM_IMAGE_OK = 0,
    NVLM_IMAGE_UNKNOWN_FORMAT = 1, /* the first bytes are of no supported format */
    NVLM_IMAGE_TOO_LARGE = 2,      /* more pixels than NVLM_IMAGE_MAX_PIXELS */
    NVLM_IMAGE_CORRUPT = 3,        /* damaged, truncated, or of a kind the format's library cannot read */
    NVLM_IMAGE_OUT_OF_MEMORY = 4,
    NVLM_IMAGE_BAD_ARGUMENT = 5
};

/* Reads the header: width and height of the picture in data. */
NVLM_IMAGE_API int32_t nvlm_image_size(const uint8_t *data, size_t length, int32_t *width, int32_t *height,
                                       char *message, size_t message_size);

/* Decodes into rgb, whose size must be exactly width * height * 3. On failure rgb holds anything. */
NVLM_IMAGE_API int32_t nvlm_image_decode(const uint8_t *data, size_t length, uint8_t *rgb, size_t rgb_size,
                                         char *message, size_t message_size);

/* Encodes as PNG into memory that the caller gives back with nvlm_image_free. */
NVLM_IMAGE_API int32_t nvlm_image_encode_png(const uint8_t *rgb, int32_t width, int32_t height, uint8_t **png,
                                             size_t *png_size, char *message, size_t message_size);

NVLM_IMAGE_API void nvlm_image_free(uint8_t *memory);

#ifdef __cplusplus
}
#endif

#endif
