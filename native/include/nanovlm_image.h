/* Decoding and encoding pictures: the C ABI of libnanovlm_image.
 *
 * Every call returns a status and, unless that is NVLM_IMAGE_OK, leaves one line of text in message
 * (always terminated, cut to message_size). No C++ type or exception crosses this boundary; no call
 * keeps a pointer after it returns; all calls may run on any thread at once.
 *
 * Pixels are 8-bit RGB, or RGB and alpha, rows from the top, no padding between rows.
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
    NVLM_IMAGE_TOO_LARGE = 2,      /* more pixels than were allowed */
    NVLM_IMAGE_CORRUPT = 3,        /* damaged, truncated, or of a kind the format's library cannot read */
    NVLM_IMAGE_OUT_OF_MEMORY = 4,
    NVLM_IMAGE_BAD_ARGUMENT = 5
};

/* What a header says. */
typedef struct nvlm_image_info {
    int32_t width;
    int32_t height;
    int32_t has_alpha; /* whether some pixels may be transparent */
} nvlm_image_info;

/* Reads the header of the picture in data; one of more than max_pixels is refused. */
NVLM_IMAGE_API int32_t nvlm_image_read_info(const uint8_t *data, size_t length, uint64_t max_pixels, nvlm_image_info *info,
                                            char *message, size_t message_size);

/* Decodes into pixels, whose size must be exactly width * height * channels: 3 for RGB, alpha dropped; 4 for RGB and alpha,
 * where has_alpha says that there is one. On failure pixels holds anything. */
NVLM_IMAGE_API int32_t nvlm_image_decode(const uint8_t *data, size_t length, int32_t channels, uint8_t *pixels, size_t size,
                                         char *message, size_t message_size);

/* Encodes as PNG into memory that the caller gives back with nvlm_image_free. */
NVLM_IMAGE_API int32_t nvlm_image_encode_png(const uint8_t *rgb, int32_t width, int32_t height, uint8_t **png,
                                             size_t *png_size, char *message, size_t message_size);

NVLM_IMAGE_API void nvlm_image_free(uint8_t *memory);

#ifdef __cplusplus
}
#endif

#endif
