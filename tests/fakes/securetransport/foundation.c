/* CoreFoundation: objects that are counted, and the few kinds of them that are needed. */
#include "fake.h"

static long live;

/* For tests: how many objects have not been released. */
long fake_live_objects(void) { return __atomic_load_n(&live, __ATOMIC_SEQ_CST); }

void *fake_new(size_t size, void (*destroy)(Object *)) {
    Object *object = calloc(1, size);
    if (object == NULL) abort();
    object->references = 1;
    object->destroy = destroy;
    __atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
    return object;
}

Object *CFRetain(Object *object) {
    __atomic_add_fetch(&object->references, 1, __ATOMIC_SEQ_CST);
    return object;
}

void CFRelease(Object *object) {
    long left = __atomic_sub_fetch(&object->references, 1, __ATOMIC_SEQ_CST);
    if (left < 0) abort(); /* released twice */
    if (left > 0) return;
    if (object->destroy != NULL) object->destroy(object);
    free(object);
    __atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
}

void fake_let_go(void *object) {
    if (object != NULL) CFRelease(object);
}

/* ---------------------------------------------------------------------------------------------- data and strings */

static void destroy_data(Object *object) { free(((Data *)object)->bytes); }

Data *CFDataCreate(void *allocator, const unsigned char *bytes, CFIndex size) {
    Data *data = fake_new(sizeof *data, destroy_data);
    (void)allocator;
    data->bytes = malloc(size + 1);
    memcpy(data->bytes, bytes, size);
    data->bytes[size] = 0;
    data->size = size;
    return data;
}

CFIndex CFDataGetLength(const Data *data) { return data->size; }
const unsigned char *CFDataGetBytePtr(const Data *data) { return data->bytes; }

Data *CFStringCreateWithBytes(void *allocator, const unsigned char *bytes, CFIndex size, uint32_t encoding, Boolean external) {
    (void)external;
    for (CFIndex i = 0; encoding == 0x0600 && i < size; i++)
        if (bytes[i] > 127) return NULL;
    return CFDataCreate(allocator, bytes, size);
}

Boolean CFStringGetCString(const Data *string, char *target, CFIndex size, uint32_t encoding) {
    (void)encoding;
    if ((CFIndex)string->size >= size) return 0;
    memcpy(target, string->bytes, string->size + 1);
    return 1;
}

/* ---------------------------------------------------------------------------------------------- collections */

char kCFTypeArrayCallBacks[64], kCFTypeDictionaryKeyCallBacks[64], kCFTypeDictionaryValueCallBacks[64];

static void destroy_array(Object *object) {
    Array *array = (Array *)object;
    for (CFIndex i = 0; i < array->count; i++) fake_let_go(array->items[i]);
    free(array->items);
}

Array *fake_array(CFIndex count) {
    Array *array = fake_new(sizeof *array, destroy_array);
    array->count = count;
    array->items = calloc(count + 1, sizeof *array->items);
    return array;
}

Array *CFArrayCreate(void *allocator, Object **values, CFIndex count, const void *callbacks) {
    Array *array = fake_array(count);
    (void)allocator;
    if (callbacks != kCFTypeArrayCallBacks) abort();
    for (CFIndex i = 0; i < count; i++) array->items[i] = CFRetain(values[i]);
    return array;
}

CFIndex CFArrayGetCount(const Array *array) { return array->count; }
Object *CFArrayGetValueAtIndex(const Array *array, CFIndex index) { return array->items[index]; }

static void destroy_dictionary(Object *object) {
    free(((Dictionary *)object)->keys);
    free(((Dictionary *)object)->values);
}

/* Of constants only, which nobody counts. */
Dictionary *CFDictionaryCreate(
    void *allocator, const void **keys, const void **values, CFIndex count, const void *for_keys, const void *for_values) {
    Dictionary *dictionary = fake_new(sizeof *dictionary, destroy_dictionary);
    (void)allocator;
    if (for_keys != kCFTypeDictionaryKeyCallBacks || for_values != kCFTypeDictionaryValueCallBacks) abort();
    dictionary->count = count;
    dictionary->keys = malloc(count * sizeof *keys);
    dictionary->values = malloc(count * sizeof *values);
    memcpy(dictionary->keys, keys, count * sizeof *keys);
    memcpy(dictionary->values, values, count * sizeof *values);
    return dictionary;
}

const void *fake_look_up(const Dictionary *dictionary, const void *key) {
    for (CFIndex i = 0; i < dictionary->count; i++)
        if (dictionary->keys[i] == key) return dictionary->values[i];
    return NULL;
}

/* ---------------------------------------------------------------------------------------------- dates and errors */

Date *CFDateCreate(void *allocator, double seconds) {
    Date *date = fake_new(sizeof *date, NULL);
    (void)allocator;
    date->seconds = seconds;
    return date;
}

static void destroy_error(Object *object) { fake_let_go(((Error *)object)->text); }

Error *fake_error(CFIndex code, const char *text) {
    Error *error = fake_new(sizeof *error, destroy_error);
    error->code = code;
    error->text = CFDataCreate(NULL, (const unsigned char *)text, strlen(text));
    return error;
}

CFIndex CFErrorGetCode(const Error *error) { return error->code; }
Data *CFErrorCopyDescription(Error *error) { return (Data *)CFRetain((Object *)error->text); }

Data *SecCopyErrorMessageString(OSStatus status, void *reserved) {
    char text[64];
    (void)reserved;
    int size = snprintf(text, sizeof text, "status %d of the stand-in", status);
    return CFDataCreate(NULL, (unsigned char *)text, size);
}
