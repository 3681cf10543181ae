/* Inline caches for the compiled core: each place that reads or sets an attribute, calls a method or asks isinstance
 * keeps where it found what it needed, as Python 3.11's interpreter does (LOAD_ATTR_SLOT, LOAD_METHOD_WITH_VALUES).
 *
 * `tools.compiled_core` puts this file before the functions that Cython made of a module, and `inline_caches_end.h`
 * after them. In between, calls of five functions go through a cache. No result changes: whatever is not known to be
 * safe goes to the function that Cython calls otherwise.
 *
 * What makes it safe:
 * - Everything here runs under the GIL.
 * - A class has a version tag. A change of the class or of one of its bases takes the tag away, and no tag is given
 *   twice in a process. So an equal tag means the same class, unchanged. 0 means none, and nothing is kept then.
 * - A module's dict has a version, which each change replaces. No version is given twice in a process.
 * - Nothing is kept for a class that reads or sets attributes in its own way.
 * - References that are kept are borrowed: the unchanged class or dict holds the object.
 *
 * Another version of Python, another implementation, or a compiler without statement expressions gets no caches.
 */
#if defined(__GNUC__) && CYTHON_COMPILING_IN_CPYTHON && CYTHON_USE_TYPE_SLOTS && CYTHON_VECTORCALL \
    && !defined(Py_LIMITED_API) && PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
#if __has_include("internal/pycore_dict.h")
#define FC_INLINE_CACHES 1
#endif
#endif
#ifdef FC_INLINE_CACHES

#include <structmember.h>
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#include "internal/pycore_dict.h" /* the keys that a class's instances share */
#undef Py_BUILD_CORE
#else
#include "internal/pycore_dict.h"
#endif

#pragma push_macro("__Pyx_PyObject_GetAttrStr")
#pragma push_macro("__Pyx_PyObject_SetAttrStr")
#pragma push_macro("__Pyx_PyObject_FastCallMethod")
#pragma push_macro("__Pyx_Object_VectorcallMethodKwds")
#pragma push_macro("PyObject_IsInstance")
#undef __Pyx_PyObject_GetAttrStr
#undef __Pyx_PyObject_SetAttrStr
#undef __Pyx_PyObject_FastCallMethod
#undef __Pyx_Object_VectorcallMethodKwds
#undef PyObject_IsInstance

#define FC_INLINE static inline __attribute__((always_inline, unused))
#define FC_CALLED static __attribute__((noinline, unused))
#define FC_COLD static __attribute__((noinline, cold, unused))

/* An empty cache. No class is kept under it, though it may get this tag after 2^32 others. */
#define FC_NO_TAG UINT_MAX

/* Return a class's version tag, or FC_NO_TAG. A class gets its tag when any name is looked up in it. */
FC_INLINE unsigned int fc_tag(PyTypeObject *type) {
    int has_tag = PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG) && type->tp_version_tag != 0;
    return has_tag ? type->tp_version_tag : FC_NO_TAG;
}

/* Look a name up in a class and its bases. The reference is borrowed; NULL: it is not there. */
FC_COLD PyObject *fc_of_class(PyTypeObject *type, const char *name) {
    PyObject *text = PyUnicode_InternFromString(name), *found = NULL;
    if (text != NULL) {
        found = _PyType_Lookup(type, text);
        Py_DECREF(text);
    }
    if (found == NULL) PyErr_Clear();
    return found;
}

/* Whether what a class has under a name lets an instance's own value be read and set. `found` is NULL if it has none.
 * Objects of Python classes do not count: their class can become one of data descriptors. */
FC_INLINE int fc_lets_instance(PyObject *found) {
    if (found == NULL) return 1;
    return !PyType_HasFeature(Py_TYPE(found), Py_TPFLAGS_HEAPTYPE) && Py_TYPE(found)->tp_descr_set == NULL;
}

/* Return the keys which the instances of a class share; NULL if they have none. */
FC_INLINE PyDictKeysObject *fc_shared_keys(PyTypeObject *type) {
    int has_values = PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT) && PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE);
    PyDictKeysObject *keys = has_values ? ((PyHeapTypeObject *)type)->ht_cached_keys : NULL;
    return keys != NULL && keys->dk_kind == DICT_KEYS_SPLIT ? keys : NULL;
}

/* Return the values of an instance whose class has shared keys; NULL once they are in a dict. */
FC_INLINE PyDictValues *fc_values(PyObject *object) {
    return ((PyDictValues **)object)[-4];
}

/* Return the place of a name in shared keys, which are added to and never change otherwise; -1: it is not there. */
FC_COLD int fc_key_index(PyDictKeysObject *keys, PyObject *name) {
    PyDictUnicodeEntry *entries = DK_UNICODE_ENTRIES(keys);
    for (Py_ssize_t i = 0; i < keys->dk_nentries; i++)
        if (entries[i].me_key == name || PyUnicode_Compare(entries[i].me_key, name) == 0) return (int)i;
    return -1;
}

/* Return where a member descriptor's slot is in objects of a class; 0 if it is not a plain slot of them. */
FC_COLD int fc_slot(PyTypeObject *type, PyObject *found, int forbidden_flags) {
    if (found == NULL || !Py_IS_TYPE(found, &PyMemberDescr_Type)) return 0;
    PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
    int is_plain = member->type == T_OBJECT_EX && !(member->flags & forbidden_flags);
    int is_theirs = PyType_IsSubtype(type, PyDescr_TYPE(found));
    return is_plain && is_theirs && member->offset > 0 && member->offset < INT_MAX ? (int)member->offset : 0;
}

/* ---- attributes that are read ---- */

typedef enum { FC_GENERIC, FC_VALUE, FC_DESCRIPTOR, FC_OF_CLASS, FC_OF_MODULE } fc_kind;

typedef struct {
    unsigned int slot_tag; /* the class whose objects have a slot at `offset` */
    int offset;
    unsigned int tag;      /* the class for which the rest is */
    short kind, index;     /* index: FC_VALUE: of the value */
    unsigned int of_class; /* FC_OF_CLASS: the tag of the class that is read */
    PY_UINT64_T version;   /* FC_OF_MODULE: of its dict */
    PyObject *found;       /* FC_DESCRIPTOR: a data descriptor, as a property is; otherwise the value */
} fc_attribute;
#define FC_NO_ATTRIBUTE {FC_NO_TAG, 0, FC_NO_TAG, FC_GENERIC, 0, FC_NO_TAG, 0, NULL}

/* Keep an attribute of an object whose class reads attributes as `object` does. */
FC_COLD void fc_keep_of_object(PyObject *object, PyObject *name, fc_attribute *cache) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject *found = _PyType_Lookup(type, name);
    int offset = fc_slot(type, found, READ_RESTRICTED);
    if (offset) {
        cache->offset = offset;
        cache->slot_tag = fc_tag(type);
        return;
    }
    cache->tag = fc_tag(type);
    if (found != NULL && !PyType_HasFeature(Py_TYPE(found), Py_TPFLAGS_HEAPTYPE)
        && Py_TYPE(found)->tp_descr_set != NULL && Py_TYPE(found)->tp_descr_get != NULL) {
        cache->found = found;
        cache->kind = FC_DESCRIPTOR;
        return;
    }
    PyDictKeysObject *keys = fc_shared_keys(type);
    int index = keys != NULL && fc_lets_instance(found) ? fc_key_index(keys, name) : -1;
    if (index >= 0) {
        cache->index = (short)index;
        cache->kind = FC_VALUE;
    }
}

/* Whether a metaclass reads the attributes of its classes as `type` does, except those that are not there. */
FC_COLD int fc_reads_as_type(PyTypeObject *metaclass) {
    if (metaclass->tp_getattro == PyType_Type.tp_getattro) return 1;
    PyObject *read = fc_of_class(metaclass, "__getattribute__");
    return fc_of_class(metaclass, "__getattr__") != NULL && read != NULL
        && read == fc_of_class(&PyType_Type, "__getattribute__");
}

/* Keep an attribute of a class: a value that is no descriptor, under a name for which the metaclass has no data
 * descriptor. */
FC_COLD void fc_keep_of_class(PyTypeObject *object, PyObject *name, fc_attribute *cache) {
    PyTypeObject *metaclass = Py_TYPE(object);
    PyObject *of_metaclass = _PyType_Lookup(metaclass, name), *found = _PyType_Lookup(object, name);
    cache->tag = fc_tag(metaclass);
    if (found != NULL && fc_lets_instance(of_metaclass) && fc_reads_as_type(metaclass)) {
        cache->of_class = fc_tag(object);
        cache->found = found;
        cache->kind = FC_OF_CLASS;
    }
}

/* Keep an attribute of a module. */
FC_COLD void fc_keep_of_module(PyObject *object, PyObject *name, fc_attribute *cache) {
    PyObject *dict = PyModule_GetDict(object);
    PyObject *of_class = _PyType_Lookup(&PyModule_Type, name);
    PyObject *found = of_class == NULL && PyDict_CheckExact(dict) ? PyDict_GetItemWithError(dict, name) : NULL;
    cache->tag = fc_tag(&PyModule_Type);
    if (found == NULL) {
        PyErr_Clear();
        return;
    }
    cache->version = ((PyDictObject *)dict)->ma_version_tag;
    cache->found = found;
    cache->kind = FC_OF_MODULE;
}

FC_COLD PyObject *fc_look_up(PyObject *object, PyObject *name, fc_attribute *cache) {
    cache->tag = FC_NO_TAG;
    cache->kind = FC_GENERIC;
    if (PyModule_CheckExact(object)) fc_keep_of_module(object, name, cache);
    else if (PyType_Check(object)) fc_keep_of_class((PyTypeObject *)object, name, cache);
    else if (Py_TYPE(object)->tp_getattro == PyObject_GenericGetAttr) fc_keep_of_object(object, name, cache);
    else {
        (void)_PyType_Lookup(Py_TYPE(object), name); /* gives the class its tag */
        cache->tag = fc_tag(Py_TYPE(object));
    }
    return PyObject_GetAttr(object, name);
}

/* Read an attribute that is in no slot. */
FC_CALLED PyObject *fc_get_other(PyObject *object, PyObject *name, fc_attribute *cache) {
    if (unlikely(Py_TYPE(object)->tp_version_tag != cache->tag)) return fc_look_up(object, name, cache);
    switch (cache->kind) {
    case FC_VALUE: {
        PyDictValues *values = fc_values(object);
        PyObject *value = values != NULL ? values->values[cache->index] : NULL;
        if (likely(value != NULL)) return Py_NewRef(value);
        break;
    }
    case FC_DESCRIPTOR: {
        PyObject *descriptor = Py_NewRef(cache->found); /* the class may lose it while it runs */
        PyObject *value = Py_TYPE(descriptor)->tp_descr_get(descriptor, object, (PyObject *)Py_TYPE(object));
        Py_DECREF(descriptor);
        return value;
    }
    case FC_OF_CLASS:
        if (unlikely(((PyTypeObject *)object)->tp_version_tag != cache->of_class))
            return fc_look_up(object, name, cache);
        if (likely(Py_TYPE(cache->found)->tp_descr_get == NULL)) return Py_NewRef(cache->found);
        break;
    case FC_OF_MODULE: {
        PyDictObject *dict = (PyDictObject *)PyModule_GetDict(object);
        if (unlikely(dict->ma_version_tag != cache->version)) return fc_look_up(object, name, cache);
        return Py_NewRef(cache->found);
    }
    }
    return PyObject_GetAttr(object, name);
}

FC_INLINE PyObject *fc_get_attribute(PyObject *object, PyObject *name, fc_attribute *cache) {
    if (likely(Py_TYPE(object)->tp_version_tag == cache->slot_tag)) {
        PyObject *value = *(PyObject **)((char *)object + cache->offset);
        if (likely(value != NULL)) return Py_NewRef(value);
    }
    return fc_get_other(object, name, cache);
}

/* ---- attributes that are set ---- */

typedef struct {
    unsigned int tag;
    int offset; /* of the slot; or, if it is negative, -1 less the index of the value; 0: neither */
} fc_target;

FC_COLD int fc_look_up_and_set(PyObject *object, PyObject *name, PyObject *value, fc_target *cache) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject *found = _PyType_Lookup(type, name);
    int is_generic = type->tp_setattro == PyObject_GenericSetAttr, lets_instance = fc_lets_instance(found);
    unsigned int tag = fc_tag(type);
    int offset = is_generic ? fc_slot(type, found, READONLY | RESTRICTED) : 0;
    cache->tag = FC_NO_TAG;
    int result = PyObject_SetAttr(object, name, value); /* puts the name of a first instance into the shared keys */
    if (result < 0 || Py_TYPE(object) != type || fc_tag(type) != tag) return result;
    PyDictKeysObject *keys = fc_shared_keys(type);
    if (is_generic && !offset && keys != NULL && lets_instance) offset = -1 - fc_key_index(keys, name);
    cache->offset = offset;
    cache->tag = tag;
    return result;
}

/* Set an attribute. `del` goes the general way. */
FC_CALLED int fc_set_attribute(PyObject *object, PyObject *name, PyObject *value, fc_target *cache) {
    if (unlikely(Py_TYPE(object)->tp_version_tag != cache->tag)) return fc_look_up_and_set(object, name, value, cache);
    PyObject **place = NULL;
    if (cache->offset > 0) place = (PyObject **)((char *)object + cache->offset);
    else if (cache->offset < 0) {
        PyDictValues *values = fc_values(object);
        if (values != NULL) place = &values->values[-1 - cache->offset];
    }
    if (unlikely(place == NULL || value == NULL)) return PyObject_SetAttr(object, name, value);
    PyObject *before = *place;
    *place = Py_NewRef(value);
    if (before != NULL) Py_DECREF(before);
    else if (cache->offset < 0) _PyDictValues_AddToInsertionOrder(fc_values(object), -1 - cache->offset);
    return 0;
}

/* ---- methods that are called ---- */

typedef struct {
    unsigned int tag;
    int has_values;       /* whether an instance can have an attribute of this name */
    Py_ssize_t key_count; /* how many keys the instances shared, none of this name */
    PyObject *function;
} fc_method;

FC_COLD PyObject *fc_look_up_and_call(
    PyObject *name, PyObject *const *arguments, size_t count, PyObject *keywords, fc_method *cache) {
    PyTypeObject *type = Py_TYPE(arguments[0]);
    PyObject *found = _PyType_Lookup(type, name);
    PyDictKeysObject *keys = fc_shared_keys(type);
    int has_dict = type->tp_dictoffset != 0 || PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT);
    int is_method = found != NULL && PyType_HasFeature(Py_TYPE(found), Py_TPFLAGS_METHOD_DESCRIPTOR);
    cache->tag = FC_NO_TAG;
    if (type->tp_getattro == PyObject_GenericGetAttr && is_method
        && (!has_dict || (keys != NULL && fc_key_index(keys, name) < 0))) {
        cache->has_values = has_dict;
        cache->key_count = has_dict ? keys->dk_nentries : 0;
        cache->function = found;
        cache->tag = fc_tag(type);
    }
    return PyObject_VectorcallMethod(name, arguments, count, keywords);
}

/* Call a method of arguments[0]. */
FC_CALLED PyObject *fc_call_method(
    PyObject *name, PyObject *const *arguments, size_t count, PyObject *keywords, fc_method *cache) {
    PyTypeObject *type = Py_TYPE(arguments[0]);
    if (unlikely(type->tp_version_tag != cache->tag))
        return fc_look_up_and_call(name, arguments, count, keywords, cache);
    if (cache->has_values) {
        if (unlikely(fc_values(arguments[0]) == NULL))
            return PyObject_VectorcallMethod(name, arguments, count, keywords);
        if (unlikely(((PyHeapTypeObject *)type)->ht_cached_keys->dk_nentries != cache->key_count))
            return fc_look_up_and_call(name, arguments, count, keywords, cache);
    }
    PyObject *function = Py_NewRef(cache->function); /* the class may lose it while it runs */
    PyObject *result = PyObject_Vectorcall(function, arguments, count & ~PY_VECTORCALL_ARGUMENTS_OFFSET, keywords);
    Py_DECREF(function);
    return result;
}

/* ---- isinstance ---- */

#define FC_CLASSES 64
static unsigned int fc_plain_classes[FC_CLASSES] __attribute__((unused));     /* tags: `__class__` is the class */
static unsigned int fc_plain_metaclasses[FC_CLASSES] __attribute__((unused)); /* tags: isinstance asks for bases */

FC_COLD int fc_is_plain_class(PyTypeObject *type) {
    PyObject *found = fc_of_class(type, "__class__");
    int is_plain = type->tp_getattro == PyObject_GenericGetAttr && found != NULL
        && found == fc_of_class(&PyBaseObject_Type, "__class__") && fc_tag(type) != FC_NO_TAG;
    if (is_plain) fc_plain_classes[type->tp_version_tag % FC_CLASSES] = type->tp_version_tag;
    return is_plain;
}

FC_COLD int fc_is_plain_metaclass(PyTypeObject *type) {
    PyObject *found = fc_of_class(type, "__instancecheck__");
    int is_plain = found != NULL && found == fc_of_class(&PyType_Type, "__instancecheck__")
        && fc_tag(type) != FC_NO_TAG;
    if (is_plain) fc_plain_metaclasses[type->tp_version_tag % FC_CLASSES] = type->tp_version_tag;
    return is_plain;
}

/* Answer by the bases; -1: it is to be asked the general way. */
FC_INLINE int fc_is_instance_of(PyTypeObject *type, PyObject *asked) {
    if ((PyObject *)type == asked) return 1;
    if (!PyType_Check(asked)) return -1;
    PyTypeObject *metaclass = Py_TYPE(asked);
    unsigned int tag = metaclass->tp_version_tag;
    if (metaclass != &PyType_Type && (tag == 0 || fc_plain_metaclasses[tag % FC_CLASSES] != tag)
        && !fc_is_plain_metaclass(metaclass)) return -1;
    return PyType_IsSubtype(type, (PyTypeObject *)asked);
}

FC_CALLED int fc_is_instance(PyObject *object, PyObject *asked) {
    PyTypeObject *type = Py_TYPE(object);
    unsigned int tag = type->tp_version_tag;
    if ((tag == 0 || fc_plain_classes[tag % FC_CLASSES] != tag) && !fc_is_plain_class(type))
        return PyObject_IsInstance(object, asked);
    if (!PyTuple_CheckExact(asked)) {
        int answer = fc_is_instance_of(type, asked);
        return answer >= 0 ? answer : PyObject_IsInstance(object, asked);
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(asked); i++) {
        int answer = fc_is_instance_of(type, PyTuple_GET_ITEM(asked, i));
        if (answer < 0) answer = PyObject_IsInstance(object, PyTuple_GET_ITEM(asked, i));
        if (answer != 0) return answer;
    }
    return 0;
}

/* ---- what Cython's code calls ---- */

#define __Pyx_PyObject_GetAttrStr(object, name) ({ \
    static fc_attribute fc_cache = FC_NO_ATTRIBUTE; \
    fc_get_attribute((object), (name), &fc_cache); })
#define __Pyx_PyObject_SetAttrStr(object, name, value) ({ \
    static fc_target fc_cache = {FC_NO_TAG, 0}; \
    fc_set_attribute((object), (name), (value), &fc_cache); })
#define __Pyx_Object_VectorcallMethodKwds(name, arguments, count, keywords) ({ \
    static fc_method fc_cache = {FC_NO_TAG, 0, 0, NULL}; \
    fc_call_method((name), (arguments), (count), (keywords), &fc_cache); })
#define __Pyx_PyObject_FastCallMethod(name, arguments, count) \
    __Pyx_Object_VectorcallMethodKwds(name, arguments, count, NULL)
#define PyObject_IsInstance(object, asked) fc_is_instance((object), (asked))
#endif
