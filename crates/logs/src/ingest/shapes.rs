//! Shapes of documents as paths in a tree: each key, with the form of its value, leads from one node to the next. A document like the one
//! before costs a comparison of each key, and knows its columns and its shape without any hashing.

use std::collections::HashMap;

use crate::source::{self, Form};

/// Most nodes; documents of further shapes keep their text.
const NODES_MAX: usize = 1 << 16;
/// Edges of a node that are looked at one after the other.
const EDGES_LINEAR: usize = 8;

/// A place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(u32);

pub(super) const ROOT: NodeId = NodeId(0);

/// What a step to a node was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Leaf(Form, bool),
    Open,
    Close,
}

/// A key that has been seen behind a node.
#[derive(Debug)]
struct Edge {
    key: Box<str>,
    slot: u32,
    next: Vec<(Step, NodeId)>,
}

#[derive(Debug)]
struct Node {
    parent: NodeId,
    step: Step,
    /// The edge of `parent` (for the end of an object: of the node before it) that led here.
    edge: u32,
    /// The node before the last key of the same object; none at its beginning.
    before: Option<NodeId>,
    edges: Vec<Edge>,
    by_key: HashMap<Box<str>, u32>,
    /// The edge that was taken last.
    last: u32,
    /// The end of the object.
    close: Option<NodeId>,
    /// A column has values from two places: the shape cannot tell them apart.
    is_ambiguous: bool,
    shape: Option<u32>,
}

impl Node {
    fn new(parent: NodeId, step: Step, edge: u32) -> Self {
        Self {
            parent,
            step,
            edge,
            before: None,
            edges: Vec::new(),
            by_key: HashMap::new(),
            last: 0,
            close: None,
            is_ambiguous: false,
            shape: None,
        }
    }
}

/// The tree.
#[derive(Debug)]
pub(super) struct Shapes {
    nodes: Vec<Node>,
    texts: Vec<String>,
}

/// A key twice in one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate;

impl Default for Shapes {
    fn default() -> Self {
        Self { nodes: vec![Node::new(ROOT, Step::Open, 0)], texts: Vec::new() }
    }
}

fn index_of(edges: usize) -> u32 {
    u32::try_from(edges).expect("fewer edges than nodes")
}

fn index(id: NodeId) -> usize {
    id.0 as usize
}

impl Shapes {
    /// The edge and slot of `key` behind `node`, if it has been seen there.
    #[inline]
    pub(super) fn find(&mut self, node: NodeId, key: &str) -> Option<(u32, u32)> {
        let node = &mut self.nodes[index(node)];
        let guess = node.edges.get(node.last as usize);
        if let Some(edge) = guess.filter(|edge| *edge.key == *key) {
            return Some((node.last, edge.slot));
        }
        let at = if node.edges.len() <= EDGES_LINEAR {
            u32::try_from(node.edges.iter().position(|edge| *edge.key == *key)?).ok()?
        } else {
            *node.by_key.get(key)?
        };
        node.last = at;
        Some((at, node.edges[at as usize].slot))
    }

    /// Adds an edge. `None` when the tree is full.
    pub(super) fn add(
        &mut self,
        node: NodeId,
        key: &str,
        slot: u32,
    ) -> Result<Option<u32>, Duplicate> {
        if self.has_key(node, key) {
            return Err(Duplicate);
        }
        if self.nodes.len() >= NODES_MAX {
            return Ok(None);
        }
        let node = &mut self.nodes[index(node)];
        let at = index_of(node.edges.len());
        if node.edges.len() >= EDGES_LINEAR {
            if node.by_key.is_empty() {
                let all = node.edges.iter().zip(0..);
                node.by_key = all.map(|(edge, at)| (edge.key.clone(), at)).collect();
            }
            node.by_key.insert(key.into(), at);
        }
        node.edges.push(Edge { key: key.into(), slot, next: Vec::new() });
        node.last = at;
        Ok(Some(at))
    }

    /// Whether `key` stands before `node` in the same object.
    fn has_key(&self, node: NodeId, key: &str) -> bool {
        let mut at = node;
        while let Some(before) = self.nodes[index(at)].before {
            if *self.nodes[index(before)].edges[self.nodes[index(at)].edge as usize].key == *key {
                return true;
            }
            at = before;
        }
        false
    }

    /// The node behind `edge` of `node` by `step` (no [`Step::Close`]). `None` when the tree is full.
    #[inline]
    pub(super) fn step(&mut self, node: NodeId, edge: u32, step: Step) -> Option<NodeId> {
        let next = &self.nodes[index(node)].edges[edge as usize].next;
        if let Some((_, id)) = next.iter().find(|(known, _)| *known == step) {
            return Some(*id);
        }
        self.grow(node, edge, step)
    }

    fn grow(&mut self, node: NodeId, edge: u32, step: Step) -> Option<NodeId> {
        let mut new = Node::new(node, step, edge);
        let slot = self.nodes[index(node)].edges[edge as usize].slot;
        if matches!(step, Step::Leaf(..)) {
            new.before = Some(node);
            new.is_ambiguous = self.is_on_path(node, slot);
        }
        new.is_ambiguous |= self.nodes[index(node)].is_ambiguous;
        let id = self.push(new)?;
        self.nodes[index(node)].edges[edge as usize].next.push((step, id));
        Some(id)
    }

    fn push(&mut self, node: Node) -> Option<NodeId> {
        if self.nodes.len() >= NODES_MAX {
            return None;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).ok()?);
        self.nodes.push(node);
        Some(id)
    }

    /// Whether a leaf on the way to `node` has its values in `slot`.
    fn is_on_path(&self, node: NodeId, slot: u32) -> bool {
        let mut at = node;
        while at != ROOT {
            let one = &self.nodes[index(at)];
            let is_leaf = matches!(one.step, Step::Leaf(..));
            if is_leaf && self.nodes[index(one.parent)].edges[one.edge as usize].slot == slot {
                return true;
            }
            at = one.parent;
        }
        false
    }

    /// The node behind the end of an object that was opened by `edge` of `outer`, and whose last node is `node`.
    pub(super) fn close(&mut self, node: NodeId, outer: NodeId, edge: u32) -> Option<NodeId> {
        if let Some(id) = self.nodes[index(node)].close {
            return Some(id);
        }
        let mut new = Node::new(node, Step::Close, edge);
        new.before = Some(outer);
        new.is_ambiguous = self.nodes[index(node)].is_ambiguous;
        let id = self.push(new)?;
        self.nodes[index(node)].close = Some(id);
        Some(id)
    }

    /// The number of the shape that ends at `node`; `None` when it cannot tell the document.
    #[inline]
    pub(super) fn shape(&mut self, node: NodeId) -> Option<u32> {
        let one = &self.nodes[index(node)];
        if one.is_ambiguous {
            return None;
        }
        if let Some(shape) = one.shape {
            return Some(shape);
        }
        let text = self.text_of(node);
        let number = u32::try_from(self.texts.len()).ok()?;
        self.texts.push(text);
        self.nodes[index(node)].shape = Some(number);
        Some(number)
    }

    /// The text of shape `number`.
    pub(super) fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    fn text_of(&self, node: NodeId) -> String {
        let mut path = Vec::new();
        let mut at = node;
        while at != ROOT {
            path.push(at);
            at = self.nodes[index(at)].parent;
        }
        let mut text = String::new();
        for id in path.into_iter().rev() {
            let one = &self.nodes[index(id)];
            let edge = |at: NodeId| &self.nodes[index(at)].edges[one.edge as usize].key;
            match one.step {
                Step::Leaf(form, is_array) => {
                    source::put_leaf(edge(one.parent), form, is_array, &mut text);
                }
                Step::Open => source::put_object(edge(one.parent), &mut text),
                Step::Close => text.push('}'),
            }
        }
        text
    }
}
